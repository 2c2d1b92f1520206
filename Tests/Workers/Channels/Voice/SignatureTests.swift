import CNIOBoringSSL
import FoundationEssentials
import IPCControl
import TestSupport
import Testing

@testable import Voice

@Suite("Signatures of webhooks")
struct SignatureTests {
    private let twilio = TwilioSignature(token: "12345")
    private let url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    private let form =
        "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"

    private func check(_ signature: String, _ url: String, _ form: String) -> Bool {
        twilio.isValid(
            signature,
            addresses: [url],
            form: FormFields(parsing: Array(form.utf8)),
            body: Array(form.utf8)
        )
    }

    @Test("Twilio's own example is valid, with the port and without it, and nothing near it is")
    func example() {
        let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
        #expect(check(signature, url, form))
        #expect(check(signature, "https://mycompany.com:443/myapp.php?foo=1&bar=2", form))
        #expect(check(signature, url + "#rc=2", form))
        // Signed with the port, called without it.
        #expect(check("kvajT1Ptam85bY51eRf/AJRuM3w=", url, form))
        for other in ["http" + url.dropFirst(5), url + "&x=1", "https://mycompany.org/myapp.php?foo=1&bar=2"] {
            #expect(!check(signature, other, form))
        }
        #expect(!check(signature, url, form + "&Extra=1"))
        #expect(!check(signature, url, String(form.dropLast())))
        #expect(!check("", url, form))
        #expect(!TwilioSignature(token: "").isValid("x", addresses: [url], form: nil, body: []))
    }

    @Test("of a name that stands twice every value is signed once, in the order of bytes")
    func repeated() {
        let fields = FormFields(parsing: Array("b=2&a=z&b=1&b=2&A=0".utf8))
        #expect(fields.map { String(decoding: $0.signed, as: UTF8.self) } == "A0azb1b2")
    }

    @Test("a body that is no form is signed by its hash in the address")
    func json() {
        let body = Array(#"{"property": "value", "boolean": true}"#.utf8)
        let hash = Digests.hex(SHA256.hash(body))
        let address = "\(url)&bodySHA256=\(hash)"
        let signature = "a9nBmqA0ju/hNViExpshrM61xv4="
        #expect(twilio.isValid(signature, addresses: [address], form: nil, body: body))
        #expect(!twilio.isValid(signature, addresses: [address], form: nil, body: body + [32]))
        let plain = String(decoding: twilio.sign(url, []), as: UTF8.self)
        #expect(!twilio.isValid(plain, addresses: [url], form: nil, body: body))
    }

    @Test("ports are taken off and put on, whatever stands in front of them")
    func spellings() {
        #expect(TwilioSignature.spellings("https://a.b/c") == ["https://a.b/c", "https://a.b:443/c"])
        #expect(TwilioSignature.spellings("http://a.b?c") == ["http://a.b?c", "http://a.b:80?c"])
        #expect(TwilioSignature.spellings("https://a.b:8443/c") == ["https://a.b:8443/c", "https://a.b/c"])
        #expect(TwilioSignature.spellings("https://[::1]/c") == ["https://[::1]/c", "https://[::1]:443/c"])
        #expect(TwilioSignature.spellings("nothing") == ["nothing"])
    }

    private struct Pair {
        var key: [UInt8]
        var secret: [UInt8]

        init(seed: UInt8) {
            key = [UInt8](repeating: 0, count: 32)
            secret = [UInt8](repeating: 0, count: 64)
            ED25519_keypair_from_seed(&key, &secret, [UInt8](repeating: seed, count: 32))
        }

        func sign(_ message: [UInt8]) -> [UInt8] {
            var signature = [UInt8](repeating: 0, count: 64)
            ED25519_sign(&signature, message, message.count, secret)
            return signature
        }
    }

    @Test("Telnyx' key is read in every form that it is given in, and nothing else is one")
    func keys() throws {
        let key = Pair(seed: 7).key
        let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        let raw = Data(key).base64EncodedString()
        let der = Data(prefix + key).base64EncodedString()
        let url = raw.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        for text in [raw, url, der, "-----BEGIN PUBLIC KEY-----\n\(der)\n-----END PUBLIC KEY-----\n"] {
            #expect(TelnyxSignature(key: text)?.key == key)
        }
        let wrong: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x6F, 0x03, 0x21, 0x00]
        for text in ["", "AAAA", raw + "AAAA", Data(wrong + key).base64EncodedString(), "not base64!"] {
            #expect(TelnyxSignature(key: text) == nil)
        }
    }

    @Test("what Telnyx signed within five minutes is valid, and nothing else")
    func telnyx() throws {
        let pair = Pair(seed: 9)
        let signature = try #require(TelnyxSignature(key: Data(pair.key).base64EncodedString()))
        let body = Array(#"{"data":{}}"#.utf8)
        let text = Data(pair.sign(Array("1000|".utf8) + body)).base64EncodedString()
        for now: Int64 in [700, 1000, 1300] {
            #expect(signature.isValid(text, time: "1000", body: body, now: now))
        }
        for now: Int64 in [699, 1301, .max, .min, 0] {
            #expect(!signature.isValid(text, time: "1000", body: body, now: now))
        }
        #expect(!signature.isValid(text, time: "1001", body: body, now: 1000))
        #expect(!signature.isValid(text, time: "", body: body, now: 1000))
        #expect(!signature.isValid(text, time: "-9223372036854775808", body: body, now: 1000))
        #expect(!signature.isValid(text, time: "1000", body: body + [0], now: 1000))
        #expect(!signature.isValid("AAAA", time: "1000", body: body, now: 1000))
        #expect(!TelnyxSignature.nobody.isValid(text, time: "1000", body: body, now: 1000))
    }

    @Test("of a thousand requests that were changed on their way none is taken, and none stops us")
    func forged() throws {
        var random = SplitMix(seed: 0x70_1CE)
        let pair = Pair(seed: 3)
        let telnyx = try #require(TelnyxSignature(key: Data(pair.key).base64EncodedString()))
        let fields = try #require(FormFields(parsing: Array(form.utf8)))
        let good = twilio.sign(url, fields.signed)
        let body = Array(form.utf8)
        let signed = Data(pair.sign(Array("1000|".utf8) + body)).base64EncodedString()
        #expect(telnyx.isValid(signed, time: "1000", body: body, now: 1000))
        for _ in 0..<1000 {
            var (address, content, signature) = (Array(url.utf8), body, good)
            var other = Array(signed.utf8)
            let bit = UInt8(1) << UInt8(random.below(8))
            switch random.below(3) {
            case 0: address[random.below(address.count)] ^= bit
            case 1: content[random.below(content.count)] ^= bit
            default:
                signature[random.below(signature.count - 1)] ^= bit
                other[random.below(other.count - 3)] ^= bit
            }
            let changed = FormFields(parsing: content)
            let isSame = changed?.signed == fields.signed && address == Array(url.utf8) && signature == good
            if let changed, !isSame {
                #expect(
                    !twilio.isValid(
                        String(decoding: signature, as: UTF8.self),
                        addresses: [String(decoding: address, as: UTF8.self)],
                        form: changed,
                        body: content
                    )
                )
            }
            if content != body || other != Array(signed.utf8) {
                #expect(
                    !telnyx.isValid(String(decoding: other, as: UTF8.self), time: "1000", body: content, now: 1000)
                )
            }
        }
    }
}
