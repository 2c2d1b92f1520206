import IPCControl
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "gives the digests of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ]
    )
    func digests(message: String, digest: String) {
        #expect(Hex.encode(SHA256.hash(message.utf8)) == digest)
    }

    @Test("makes the HMACs of RFC 4231, cases 2 and 6")
    func hmac() {
        let short = SHA256.hmac(key: Array("Jefe".utf8), message: "what do ya want for nothing?".utf8)
        #expect(Hex.encode(short) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = SHA256.hmac(
            key: [UInt8](repeating: 0xAA, count: 131),
            message: "Test Using Larger Than Block-Size Key - Hash Key First".utf8
        )
        #expect(Hex.encode(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("pads right at every length round a block's end")
    func padding() {
        // Two ways to the same digest: at once, and byte by byte.
        for length in 50...70 {
            let message = [UInt8](repeating: 0x61, count: length)
            var digest = SHA256()
            for byte in message { digest.update([byte]) }
            #expect(digest.finish() == SHA256.hash(message))
        }
    }

    @Test("Hex refuses what is not pairs of digits")
    func hex() {
        #expect(Hex.decode("00fFa1") == [0x00, 0xFF, 0xA1])
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
    }
}
