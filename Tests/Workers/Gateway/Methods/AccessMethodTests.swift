internal import Testing

@testable internal import Gateway

@Suite("methods of pairing and reasons over real sockets")
struct AccessMethodTests {
    @Test("who waits is listed with times and what is known of him, and not with what is ours")
    func list() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client(scopes: ["operator.pairing"])
            let payload = try #require(try await client.ask("pairing.list", ["channel": "Telegram"])["payload"])
            let request = try #require(payload["requests"]?.items?.first)
            #expect(request["channel"] == "telegram" && request["id"] == "7" && request["code"] == "ABCDEFGH")
            #expect(request["createdAt"] == "2023-11-14T22:13:20.000Z")
            #expect(request["expiresAt"] == "2023-11-14T23:13:20.000Z")
            #expect(request["meta"] == ["username": "ann"])
            let reader = try await bench.client(scopes: ["operator.read"])
            let refused = try await reader.ask("pairing.list", [:])
            #expect(refused["error"]?["message"] == "missing scope: operator.pairing")
        }
    }

    @Test("a code lets somebody in, another one is an error with the words of OpenClaw's command line")
    func approve() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client(scopes: ["operator.pairing"])
            let answer = try await client.ask(
                "pairing.approve",
                ["channel": "telegram", "code": "ABCDEFGH", "notify": true]
            )
            #expect(answer["payload"] == ["ok": true, "channel": "telegram", "id": "7", "notified": true])
            let unknown = try await client.ask("pairing.approve", ["channel": "telegram", "code": "NO\nNE"])
            #expect(unknown["error"]?["message"] == "No pending pairing request found for code: NO NE")
            #expect(unknown["error"]?["code"] == "INVALID_REQUEST")
        }
    }

    @Test("reasons come with their counts, most first, and with the line that admits")
    func why() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client(scopes: ["operator.read"])
            let payload = try #require(
                try await client.ask("channels.why", ["channel": "telegram", "limit": 5])["payload"]
            )
            let item = try #require(payload["items"]?.items?.first)
            #expect(item["channel"] == "telegram" && item["accountId"] == "default" && item["count"] == 3)
            #expect(item["code"] == "no-mention" && item["sender"] == "7" && item["where"] == nil)
            #expect(item["admit"] == "channels.telegram.groups.\"-100\".requireMention: false")
            #expect(payload["counts"]?.members?.map(\.name) == ["bot", "no-mention"])
            #expect(try await client.ask("channels.why", ["limit": 0])["error"] != nil)
        }
    }
}
