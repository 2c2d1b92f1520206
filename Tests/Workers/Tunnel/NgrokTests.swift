import Testing

@testable import Tunnel

@Suite("ngrok's words")
struct NgrokTests {
    @Test(
        "are read from JSON and from logfmt alike",
        arguments: [
            #"{"lvl":"info","msg":"started tunnel","addr":"http://127.0.0.1:4545","url":"https://a.ngrok.app","n":3}"#,
            #"t=2026-01-01T00:00:00+0000 lvl=info msg="started tunnel" obj=tunnels addr=http://127.0.0.1:4545 url=https://a.ngrok.app"#,
        ]
    )
    func forms(text: String) throws {
        let line = try #require(NgrokLine(text))
        #expect(line.level == "info" && line.message == "started tunnel")
        #expect(line.fields["url"] == "https://a.ngrok.app" && line.failure == nil)
    }

    @Test("have quotes and backslashes, and values that only look like errors")
    func quotes() throws {
        let line = try #require(NgrokLine(#"lvl=eror msg="a \"b\" \\c" err="x=1 y\nz""#))
        #expect(line.message == #"a "b" \c"# && line.failure == "x=1 y\nz")
        #expect(try #require(NgrokLine("lvl=info msg=x err=nil")).failure == nil)
        #expect(try #require(NgrokLine(#"{"lvl":"info","msg":"x","err":"<nil>"}"#)).failure == nil)
    }

    @Test("cut anywhere, and made of noise, are lines that say nothing or less")
    func noise() {
        let text = #"t=2026 lvl=eror msg="failed to \"auth\"" err="authentication failed: ERR_NGROK_105" x=1"#
        for count in 0...text.utf8.count { _ = NgrokLine(String(text.prefix(count))) }
        var random = Seeded(7)
        let letters = Array("{}\"\\=: abc\n\u{e9}1,[")
        for _ in 0..<20_000 {
            let noise = String(
                (0..<Int(random.next() % 40)).map { _ in letters[Int(random.next() % UInt64(letters.count))] }
            )
            _ = NgrokLine(noise)
            var watch = NgrokWatch(domain: "", port: 1)
            _ = watch.read(noise)
        }
    }

    @Test("say where the agent's API is, what we are called, and nothing twice")
    func start() {
        var watch = NgrokWatch(domain: "", port: 4545)
        #expect(
            watch.read(#"{"lvl":"info","msg":"starting web service","obj":"web","addr":"127.0.0.1:4041"}"#) == [
                .api("127.0.0.1:4041")
            ]
        )
        #expect(watch.read(#"{"lvl":"info","msg":"client session established"}"#) == [])
        #expect(
            watch.read(#"{"lvl":"info","msg":"started tunnel","url":"https://a.ngrok.app"}"#)
                == [.news(.address("https://a.ngrok.app"))]
        )
        let answer = Array(
            #"{"tunnels":[{"public_url":"https://a.ngrok.app","config":{"addr":"http://127.0.0.1:4545"}}]}"#.utf8
        )
        #expect(watch.answered(answer) == [])
        #expect(watch.answered(Array(#"{"tunnels":[]}"#.utf8)) == [.news(.addressLost)])
        #expect(watch.answered(Array(#"{"tunnels":[]}"#.utf8)) == [])
        #expect(watch.answered(nil) == [] && watch.answered(Array("<html>".utf8)) == [])
        #expect(watch.answered(answer) == [.news(.address("https://a.ngrok.app"))])
    }

    @Test(
        "do not send us to an API elsewhere",
        arguments: ["10.0.0.1:4040", "evil.example:80", "127.0.0.1:0", "4040", ""]
    )
    func foreignAPI(address: String) {
        var watch = NgrokWatch(domain: "", port: 1)
        #expect(watch.read(#"{"lvl":"info","msg":"starting web service","addr":"\#(address)"}"#) == [])
    }

    @Test("of the API have two shapes, and list other tunnels of the same agent too")
    func answers() {
        func address(_ text: String) -> String? { NgrokAPI.address(in: Array(text.utf8), port: 4545) }
        #expect(
            address(
                #"{"endpoints":[{"url":"https://x.app","upstream":{"url":"http://localhost:80"}},{"url":"https://a.app","upstream":{"url":"http://127.0.0.1:4545"}}]}"#
            ) == "https://a.app"
        )
        #expect(
            address(
                #"{"tunnels":[{"public_url":"http://a.app","config":{"addr":"127.0.0.1:4545"}},{"public_url":"https://a.app","config":{"addr":"http://localhost:4545"}}]}"#
            ) == "https://a.app"
        )
        #expect(address(#"{"tunnels":[{"public_url":"https://x.app","config":{"addr":"http://localhost:45"}}]}"#) == "")
        #expect(address("{}") == nil && address("[]") == nil && address("") == nil)
    }

    @Test(
        "with an error code say what to do, and whether trying again helps",
        arguments: [
            ("105", .fatal, "NGROK_AUTHTOKEN"), ("107", .fatal, "NGROK_AUTHTOKEN"), ("4018", .fatal, "NGROK_AUTHTOKEN"),
            ("108", .fatal, "another ngrok agent"), ("121", .fatal, "NGROK=1"), ("334", .slow, "a.ngrok.app is in use"),
        ] as [(String, ProviderEnd.Kind, String)]
    )
    func codes(code: String, kind: ProviderEnd.Kind, words: String) throws {
        let said = #"{"lvl":"eror","msg":"session closed","err":"failed: you may not.\r\n\r\nERR_NGROK_\#(code)\r\n"}"#
        for line in [said, "ERROR:  ERR_NGROK_\(code)", "lvl=crit msg=x err=\"no ERR_NGROK_\(code)\""] {
            var watch = NgrokWatch(domain: "a.ngrok.app", port: 1)
            let end = try #require(NgrokTrouble(line: line, domain: "a.ngrok.app")).end
            #expect(end.kind == kind && end.text.contains(words) && end.text.contains("ERR_NGROK_\(code)"))
            #expect(watch.read(line) == [.end(end)])
        }
    }

    @Test("with a code nobody has to act on are told and tried again")
    func otherCodes() {
        var watch = NgrokWatch(domain: "", port: 1)
        let line = #"{"lvl":"warn","msg":"failed to open private leg","err":"refused ERR_NGROK_8012"}"#
        #expect(watch.read(line) == [.news(.trouble("ngrok says: refused ERR_NGROK_8012"))])
        #expect(watch.verdict?.kind == .retry)
        #expect(NgrokTrouble.code(in: "ERR_NGROK_") == nil && NgrokTrouble.code(in: "ERR_NGROK_99999999999") == nil)
    }

    @Test("of an agent before --url make us use the older flag")
    func oldAgent() {
        var watch = NgrokWatch(domain: "a.ngrok.app", port: 1)
        #expect(watch.read("ERROR:  unknown flag: --url") == [] && watch.isOld)
    }
}
