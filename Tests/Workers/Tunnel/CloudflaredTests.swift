import Testing

@testable import Tunnel

@Suite("cloudflared's words (their shape alone: no library judges them)")
struct CloudflaredTests {
    private let quick = [
        "2026-01-01T00:00:00Z INF Requesting new quick Tunnel on trycloudflare.com...",
        "2026-01-01T00:00:01Z INF +----------------------------------------------------+",
        "2026-01-01T00:00:01Z INF |  Your quick Tunnel has been created! Visit it at:  |",
        "2026-01-01T00:00:01Z INF |  https://some-words-of-it.trycloudflare.com        |",
        "2026-01-01T00:00:01Z INF Starting metrics server on 127.0.0.1:20241/metrics",
        "2026-01-01T00:00:02Z INF Registered tunnel connection connIndex=0 event=0 location=las01 protocol=quic",
    ]

    @Test("give a quick tunnel's address and its metrics server, each once")
    func quickTunnel() {
        var watch = CloudflaredWatch(domain: "")
        let found = (quick + quick).flatMap { watch.read($0) }
        #expect(
            found == [
                .news(.address("https://some-words-of-it.trycloudflare.com")), .api("127.0.0.1:20241"),
                .api("127.0.0.1:20241"),
            ]
        )
        #expect(watch.answered(Array(#"{"hostname":"some-words-of-it.trycloudflare.com"}"#.utf8)) == [])
        #expect(
            watch.answered(Array(#"{"hostname":"other.trycloudflare.com"}"#.utf8))
                == [.news(.address("https://other.trycloudflare.com"))]
        )
        #expect(watch.answered(nil) == [] && watch.answered(Array("404".utf8)) == [])
    }

    @Test("name a named tunnel's connection; its address is the configuration's", arguments: [5, -1])
    func named(index: Int) {
        var watch = CloudflaredWatch(domain: "bot.example.org")
        #expect(watch.read(quick[3]) == [])
        let line =
            index < 0 ? "2022-08-16T12:58:54Z INF Connection 6c49 registered connIndex=0 ip=1.2.3.4" : quick[index]
        #expect(watch.read(line) == [.news(.address("https://bot.example.org"))])
        #expect(watch.read(line) == [])
    }

    @Test(
        "never take the service's own name, or another's, for an address",
        arguments: [
            "ERR failed to request quick Tunnel: Post \"https://api.trycloudflare.com/tunnel\": dial tcp: timeout",
            "see https://developers.cloudflare.com/cloudflare-one/", "https://a.b.trycloudflare.com",
            "https://x.trycloudflare.com.evil.example", "https://.trycloudflare.com", "http://x.trycloudflare.com",
        ]
    )
    func foreign(text: String) {
        #expect(CloudflaredWatch.quickAddress(text) == nil)
    }

    @Test("that there were too many are waited out, a refused token parks")
    func refusals() {
        var watch = CloudflaredWatch(domain: "")
        for line in [
            "2026-01-01T00:00:00Z ERR Error unmarshaling QuickTunnel response: error code: 1015 error=\"invalid character\"",
            "failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value",
            "2026-01-01T00:00:00Z ERR failed to request quick Tunnel: 429 Too Many Requests",
        ] {
            guard case .news(.trouble)? = watch.read(line).first else {
                Issue.record("nothing made of: \(line)")
                continue
            }
            #expect(watch.verdict?.kind == .slow)
        }
        for line in [
            "Provided Tunnel token is not valid.",
            "2026-01-01T00:00:00Z ERR Register: Unauthorized: Invalid tunnel secret",
        ] {
            guard case .end(let end)? = watch.read(line).first else {
                Issue.record("nothing made of: \(line)")
                continue
            }
            #expect(end.kind == .fatal && end.text.contains("TUNNEL_TOKEN"))
        }
    }

    @Test("of errors are told; noise is not")
    func errors() {
        var watch = CloudflaredWatch(domain: "")
        #expect(
            watch.read("2026-01-01T00:00:00Z ERR Failed to dial edge error=x") == [
                .news(.trouble("cloudflared says: Failed to dial edge error=x"))
            ]
        )
        #expect(watch.read("2026-01-01T00:00:00Z WRN Retrying") == [])
        var random = Seeded(3)
        let letters = Array("https://trycloudflare.com ERR\"{}=\u{e9}")
        for _ in 0..<20_000 {
            _ = watch.read(
                String((0..<Int(random.next() % 60)).map { _ in letters[Int(random.next() % UInt64(letters.count))] })
            )
        }
    }
}
