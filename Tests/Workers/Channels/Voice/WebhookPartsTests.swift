import ChannelHTTP
import Config
import NIOHTTP1
import TestSupport
import Testing

@testable import Voice

@Suite("What the voice webhook is made of")
struct WebhookPartsTests {
    @Test("a form is read as browsers write it, and a broken one is none")
    func forms() throws {
        let fields = try #require(FormFields(parsing: Array("a=1+2%2B3&b&c=%C3%BC&=x&a=9".utf8)))
        #expect(fields["a"] == "1 2+3" && fields["b"] == "" && fields["c"] == "ü" && fields[""] == "x")
        #expect(fields["d"] == nil)
        for broken in ["a=%", "a=%1", "a=%zz", "%4=1"] { #expect(FormFields(parsing: Array(broken.utf8)) == nil) }
        #expect(FormFields(parsing: Array("a=%FF".utf8))?["a"] == nil)
        let most = Array(repeatElement("a=1", count: FormFields.limit).joined(separator: "&").utf8)
        #expect(FormFields(parsing: most)?.fields.count == FormFields.limit)
        #expect(FormFields(parsing: most + Array("&a=1".utf8)) == nil)
    }

    @Test("what is written as a form is read again, cut anywhere it is read or refused, and any bytes are")
    func roundTrip() throws {
        let text = "+1 555 & grüße = 100 % \u{1F4DE}\n"
        let body = FormFields.body([("Text", text), ("To", "+15550001111")])
        let fields = try #require(FormFields(parsing: body))
        #expect(fields["Text"] == text && fields["To"] == "+15550001111")
        for length in 0..<body.count { _ = FormFields(parsing: Array(body.prefix(length)))?.signed }
        var random = SplitMix(seed: 5)
        for _ in 0..<1000 {
            let bytes = (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if let read = FormFields(parsing: bytes) {
                _ = TwilioRequest(query: read, form: read)
            }
            _ = TelnyxEvent(bytes)
            _ = MockProvider.events(bytes)
            _ = SpokenWords.normalize(bytes)
        }
    }

    private func head(_ uri: String, _ headers: [(String, String)] = [], _ method: HTTPMethod = .POST)
        -> HTTPRequestHead
    {
        HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: HTTPHeaders(headers))
    }

    @Test("before the body is read: path, method, signature header, length")
    func door() {
        let proof = WebhookProof.twilio(TwilioSignature(token: "t"))
        func decide(_ uri: String, _ headers: [(String, String)], _ method: HTTPMethod = .POST) -> WebhookDecision {
            VoiceDoor.decide(head(uri, headers, method), path: "/voice/webhook", proof: proof)
        }
        let signed = [("X-Twilio-Signature", "abc=")]
        #expect(decide("/voice/webhook?callId=1", signed) == .read)
        #expect(decide("/voice/webhook/", signed) == .answer(.notFound, "not found"))
        #expect(decide("/voice/webhookx", signed) == .answer(.notFound, "not found"))
        guard case .answer(.methodNotAllowed, _) = decide("/voice/webhook", signed, .GET) else {
            Issue.record("GET was taken")
            return
        }
        for unsigned in [[], [("X-Twilio-Signature", "")], signed + signed] {
            guard case .answer(.unauthorized, _) = decide("/voice/webhook", unsigned) else {
                Issue.record("a request without one signature was read")
                return
            }
        }
        guard
            case .answer(.unauthorized, let words) = decide(
                "/voice/webhook",
                signed + [("X-Twilio-Webhooks-Signature-Settings", "key=a")]
            )
        else {
            Issue.record("another algorithm was taken")
            return
        }
        #expect(words.contains("X-Twilio-Webhooks-Signature-Settings"))
        #expect(
            decide("/voice/webhook", signed + [("content-length", "65537")]) == .answer(.payloadTooLarge, "too long")
        )
        #expect(decide("/voice/webhook", signed + [("content-length", "65536")]) == .read)
    }

    private func address(
        _ change: (inout VoiceConfig.WebhookSecurity) -> Void = { _ in },
        trustsLoopback: Bool = false
    ) -> RequestAddress {
        var security = VoiceConfig.WebhookSecurity()
        change(&security)
        return RequestAddress(security: security, trustsLoopback: trustsLoopback)
    }

    @Test("a known public address counts, whatever the headers say; former ones as well")
    func known() {
        let found = address().candidates(
            head("/voice/webhook?x=1", [("host", "evil.example"), ("x-forwarded-host", "evil.example")]),
            peer: "1.2.3.4",
            known: ["https://new.example/voice/webhook", "https://old.example:8443/voice/webhook"]
        )
        #expect(
            found == ["https://new.example/voice/webhook?x=1", "https://old.example:8443/voice/webhook?x=1"]
        )
        // A proxy that calls the path by another name.
        #expect(
            address().candidates(head("/voice/webhook?x=1"), peer: "", known: ["https://a.example/calls"])
                == ["https://a.example/voice/webhook?x=1", "https://a.example/calls?x=1"]
        )
    }

    @Test("forwarding headers count from those alone who may send them, and name allowed hosts alone")
    func forwarded() {
        let headers = [
            ("host", "local:3334"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "Pub.example:443, other"),
        ]
        func first(_ address: RequestAddress, _ peer: String, _ headers: [(String, String)]) -> String? {
            address.candidates(head("/v", headers), peer: peer, known: []).first
        }
        #expect(first(address(), "127.0.0.1", headers) == "http://local/v")
        #expect(first(address { $0.trustForwardingHeaders = true }, "9.9.9.9", headers) == "https://pub.example/v")
        #expect(
            first(
                address {
                    $0.trustForwardingHeaders = true; $0.trustedProxyIPs = ["10.0.0.1"]
                },
                "9.9.9.9",
                headers
            ) == "http://local/v"
        )
        #expect(
            first(
                address {
                    $0.trustForwardingHeaders = true; $0.trustedProxyIPs = ["10.0.0.1"]
                },
                "::ffff:10.0.0.1",
                headers
            ) == "https://pub.example/v"
        )
        #expect(first(address { $0.allowedHosts = ["pub.example"] }, "9.9.9.9", headers) == "https://pub.example/v")
        #expect(first(address { $0.allowedHosts = ["x.example"] }, "9.9.9.9", headers) == "https://local/v")
        #expect(first(address(trustsLoopback: true), "127.0.0.1", headers) == "https://pub.example/v")
        #expect(first(address(trustsLoopback: true), "9.9.9.9", headers) == "http://local/v")
        for bad in ["a@b", "-a.example", "a..b", "a b", String(repeating: "a", count: 254), "a:b:c", "[::1", "a:99999"]
        {
            #expect(RequestAddress.host(bad) == nil, "\(bad)")
        }
        #expect(RequestAddress.host("[::1]:80") == "[::1]" && RequestAddress.host("A.example:1") == "a.example")
        #expect(RequestAddress.isLoopback("127.0.0.1") && !RequestAddress.isLoopback("127.0.0.1.evil.example"))
    }

    @Test("a request that comes again within ten minutes is known, with its answer; a lost answer makes it new")
    func replays() {
        var cache = ReplayCache()
        #expect(cache.begin("a", now: 0) == .fresh)
        #expect(cache.begin("a", now: 1) == .replay(nil))
        cache.finish("a", [1])
        #expect(cache.begin("a", now: ReplayCache.lifetime - 1) == .replay([1]))
        #expect(cache.begin("a", now: ReplayCache.lifetime) == .fresh)
        cache.forget("a")
        #expect(cache.begin("a", now: ReplayCache.lifetime) == .fresh)
    }

    @Test("neither requests nor answers are kept without end")
    func replayBounds() {
        var cache = ReplayCache()
        let answer = [UInt8](repeating: 1, count: ReplayCache.answerBytes / 16)
        for number in 0..<(ReplayCache.limit + 10) {
            #expect(cache.begin("\(number)", now: 1) == .fresh)
            cache.finish("\(number)", answer)
        }
        #expect(cache.count == ReplayCache.limit)
        #expect(cache.begin("0", now: 1) == .fresh)
        // The last sixteen answers are kept.
        let (older, newest) = (
            cache.begin("\(ReplayCache.limit - 20)", now: 1), cache.begin("\(ReplayCache.limit + 9)", now: 1)
        )
        #expect((older == .replay(nil)) == true && (newest == .replay(answer)) == true)
        #expect(cache.begin("long", now: 1) == .fresh)
        cache.finish("long", answer + [1])
        #expect(cache.begin("long", now: 1) == .replay(nil))
    }
}
