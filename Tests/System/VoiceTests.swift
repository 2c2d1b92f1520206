import IPCControl
import Testing

extension SystemTests {
    /// Real calls between fakes that the providers' own libraries accept (`check_voice_fake.py`) and the whole of Clawhold.
    @Suite("Telephone calls", .serialized)
    struct VoiceTests {
        private static let worker = Telephone.worker

        private func client(_ world: World) async throws -> WebSocketClient {
            try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
        }

        /// Asks for a call; the payload, or the error's message.
        private func initiate(_ client: WebSocketClient, _ params: JSONValue) async throws -> JSONValue {
            try await client.request("voicecall.initiate", params)
        }

        @Test(
            "somebody calls and talks three turns: greeted, heard, answered, hung up, kept",
            arguments: Telephone.Provider.allCases
        )
        func conversation(_ provider: Telephone.Provider) async throws {
            let telephone = try await Telephone(provider)
            let world = try await telephone.world()
            let words = ["one-fish please", "two-fish & <more>", "grüß dich three-fish"]
            let sid = try await telephone.call(says: words.map { .string($0) })
            let call = try await telephone.ended(sid, within: 60)
            #expect(
                call["status"]?.string == telephone.provider.hungUp,
                "\(call.text)\n\(world.gateway.process.tail())"
            )
            let heard = try await telephone.heard(sid)
            #expect(heard.first == "Clawhold here." && heard.count == 4, "\(heard)")
            for (said, answer) in zip(words, heard.dropFirst()) { #expect(answer.contains(said), "\(heard)") }
            let client = try await client(world)
            let record = try await Telephone.record(client, sid, in: Telephone.ends)
            #expect(record["direction"] == "inbound" && record["from"]?.string == Telephone.ada, "\(record.text)")
            #expect(record["answeredAt"]?.integer != nil && record["endedAt"]?.integer != nil, "\(record.text)")
            let transcript = record["transcript"]?.array ?? []
            #expect(transcript.filter { $0["speaker"] == "user" }.map { $0["text"]?.string } == words, "\(transcript)")
            #expect(transcript.filter { $0["speaker"] == "bot" }.count == 4, "\(transcript)")
            for said in words { #expect(try world.transcript("user", containing: said).count == 1) }
            #expect(try await telephone.violations == [])
            #expect(try await telephone.judged().hasPrefix("same: "))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "events that come twice and in another order are one conversation",
            arguments: Telephone.Provider.allCases
        )
        func disorder(_ provider: Telephone.Provider) async throws {
            let telephone = try await Telephone(provider)
            let world = try await telephone.world()
            try await telephone.server.post("manner", ["duplicate": 1, "reorder": true])
            try await telephone.answer(says: ["yes-please", "thanks-a-lot"], hangsUp: true)
            let client = try await client(world)
            let params: JSONValue = ["to": .string(Telephone.ada), "message": "Dinner?", "mode": "conversation"]
            #expect(try await initiate(client, params)["ok"] == true)
            let sid = try await telephone.sid()
            _ = try await telephone.ended(sid, within: 60)
            let heard = try await telephone.heard(sid)
            #expect(heard.count == 3 && heard.first == "Dinner?", "\(heard)\n\(world.gateway.process.tail())")
            #expect(heard[1...].allSatisfy { $0.contains("yes-please") || $0.contains("thanks-a-lot") }, "\(heard)")
            let record = try await Telephone.record(client, sid, in: Telephone.ends)
            #expect(record["state"] != "error", "\(record.text)")
            #expect(try await telephone.dialled == 1)
            #expect(try await telephone.violations == [])
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("without any public address a message is said, and a conversation is refused with what to set")
        func withoutAddress() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world(["publicUrl": .null])
            let client = try await client(world)
            let params: JSONValue = ["to": .string(Telephone.ada), "message": "The oven & the <iron> are off."]
            let answer = try await initiate(client, params)
            let id = try #require(answer["payload"]?["callId"]?.string, "\(answer.text)")
            let sid = try await telephone.sid()
            #expect(try await telephone.ended(sid)["status"] == "completed")
            #expect(try await telephone.heard(sid) == ["The oven & the <iron> are off."])
            #expect(try await Telephone.record(client, id, in: ["completed"])["providerCallId"]?.string == sid)
            let made = try await telephone.requests.first {
                $0["path"]?.string?.hasSuffix("/Calls.json") == true && $0["method"] == "POST"
            }
            let names = made?["form"]?.array.compactMap { $0[0]?.string } ?? []
            #expect(names.contains("Twiml") && !names.contains("Url") && !names.contains("StatusCallback"), "\(names)")
            let refused = try await initiate(client, params.with("mode", value: "conversation"))
            let words = refused["error"]?["message"]?.string ?? ""
            #expect(
                refused["ok"] == false && words.contains("publicUrl") && words.contains("tunnel"),
                "\(refused.text)"
            )
            #expect(try await telephone.dialled == 1)
            for (mode, state) in [("busy", "busy"), ("no-answer", "no-answer"), ("failed", "failed")] {
                try await telephone.answer(mode)
                let id = try #require(try await initiate(client, params)["payload"]?["callId"]?.string)
                _ = try await Telephone.record(client, id, in: [state])
            }
            #expect(try await telephone.violations == [])
            #expect(try await telephone.judged().hasPrefix("same: "))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("busy, no answer, refused: how a call went is told", arguments: Telephone.Provider.allCases)
        func unanswered(_ provider: Telephone.Provider) async throws {
            let telephone = try await Telephone(provider)
            let world = try await telephone.world()
            let client = try await client(world)
            for (index, mode) in ["busy", "no-answer"].enumerated() {
                try await telephone.answer(mode)
                let params: JSONValue = [
                    "to": .string(Telephone.ada), "message": "x", "idempotencyKey": .string("key-\(mode)"),
                ]
                let answer = try await initiate(client, params)
                let id = try #require(answer["payload"]?["callId"]?.string, "\(answer.text)")
                let record = try await Telephone.record(client, id, in: Telephone.ends)
                #expect(record["state"]?.string == mode, "\(record.text)")
                #expect(
                    try await initiate(client, params)["payload"]?["callId"]?.string == id,
                    "the same key, the same call"
                )
                #expect(try await telephone.dialled == index + 1)
            }
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("the command line calls, speaks, asks and waits for the answer, hangs up, and shows how it went")
        func commandLine() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world(["toNumber": .string(Telephone.ada)])
            try await telephone.answer(says: ["yes-please"])
            let call = try await Terminal.json(world, "voicecall", "call", "-m", "Dinner?", "--mode", "conversation")
            let id = try #require(call["callId"]?.string)
            let sid = try await telephone.sid()
            try await telephone.heard("yes-please", in: sid)
            let spoken = try await Terminal.type(world, "voicecall", "speak", "--call-id", id, "-m", "The soup is hot.")
            #expect(spoken.code == 0, "\(spoken.text)")
            try await telephone.heard("The soup is hot.", in: sid)
            async let answer = Terminal.type(world, "voicecall", "continue", "--call-id", id, "-m", "When do you come?")
            try await telephone.heard("When do you come?", in: sid)
            try await telephone.say("at eight o'clock", in: sid)
            let said = try await answer
            #expect(
                said.code == 0 && said.text.contains("at eight o'clock"),
                "\(said.text)\n\(world.gateway.process.tail())"
            )
            let table = try await Terminal.type(world, "voicecall")
            #expect(table.code == 0 && table.text.contains(Telephone.ada), "\(table.text)")
            let end = try await Terminal.type(world, "voicecall", "end", "--call-id", id)
            #expect(end.code == 0, "\(end.text)")
            #expect(try await telephone.ended(sid)["status"] == "completed")
            let client = try await client(world)
            #expect(try await Telephone.record(client, id, in: Telephone.ends)["state"] == "hangup-bot")
            let status = try await Terminal.json(world, "voicecall", "status", "--call-id", id)
            #expect(status["found"] == true && status["call"]?["providerCallId"]?.string == sid, "\(status.text)")
            #expect(try await Terminal.type(world, "voicecall", "status", "--call-id", "nobody").code == 1)
            let late = try await Terminal.type(world, "voicecall", "speak", "--call-id", id, "-m", "Too late")
            #expect(late.code == 1 && !late.text.isEmpty, "\(late.text)")
            let wrong = try await Terminal.type(world, "voicecall", "call", "-t", "049", "-m", "x")
            #expect(wrong.code != 0 && wrong.text.contains("+1555"), "\(wrong.text)")
            #expect(try await telephone.dialled == 1)
            #expect(try await telephone.judged().hasPrefix("same: "))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "who may not call is turned away before anybody listens, and `why` says so",
            arguments: Telephone.Provider.allCases
        )
        func refused(_ provider: Telephone.Provider) async throws {
            let telephone = try await Telephone(provider)
            let world = try await telephone.world()
            // The allowed number with something behind it, in front of it, its tail, and nobody's at all.
            let strangers = ["+19995550000", Telephone.ada + "0", "+" + Telephone.ada.dropFirst(3), "", "anonymous"]
            for stranger in strangers {
                let sid = try await telephone.call(from: stranger, says: ["let me in"])
                let call = try await telephone.ended(sid)
                if provider == .twilio { #expect(call["rejected"] == "rejected", "\(stranger): \(call.text)") }
                if provider == .telnyx { #expect(call["status"] == "call_rejected", "\(stranger): \(call.text)") }
                #expect(try await telephone.heard(sid) == [])
            }
            let why = try await Terminal.type(world, "why", "voice-call")
            #expect(why.code == 0 && why.text.contains("+19995550000") && why.text.contains("allowFrom"), "\(why.text)")
            #expect(try await world.model.calls().isEmpty)
            let sid = try await telephone.call(says: ["it is me"])
            try await telephone.heard("it is me", in: sid)
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "a thousand requests that the provider never sent: none counts, nothing dies, and a real call is as before",
            arguments: Telephone.Provider.allCases
        )
        func forged(_ provider: Telephone.Provider) async throws {
            let telephone = try await Telephone(provider)
            let world = try await telephone.world()
            let first = try await telephone.call(says: ["the-first-call"])
            _ = try await telephone.ended(first, within: 60)
            let client = try await client(world)
            _ = try await Telephone.record(client, first, in: Telephone.ends)
            let asked = try await world.model.settled().count
            let incarnation = try await world.gateway.workers()[Self.worker]?["INCARNATION"]
            let records = try await client.request("voicecall.list", ["limit": 100])["payload"]?["calls"]?.array ?? []
            let count = Extent.of(200, full: 1000)
            let verdicts = try await telephone.server.post(
                "forge",
                ["url": .string(Telephone.url), "count": .integer(Int64(count)), "seed": 11],
                within: 120
            )
            guard case .object(let kinds) = verdicts else { throw TestFailure(verdicts.text) }
            #expect(kinds.count >= 12, "\(verdicts.text)")
            for (kind, statuses) in kinds {
                guard case .object(let counts) = statuses else { throw TestFailure(verdicts.text) }
                // Known already, or nonsense of the provider's own: may be answered, and does nothing.
                if ["replay", "signed-nonsense"].contains(kind) {
                    #expect(counts.keys.allSatisfy { ["200", "400", "401"].contains($0) }, "\(kind): \(counts)")
                } else {
                    // 0: what is too long is not even read.
                    #expect(
                        counts.keys.allSatisfy { $0.hasPrefix("4") || ($0 == "0" && kind == "large") },
                        "\(kind): \(counts)"
                    )
                }
            }
            #expect(try await world.gateway.workers()[Self.worker]?["INCARNATION"] == incarnation)
            #expect(try await world.model.settled().count == asked, "nobody was asked anything")
            let after = try await client.request("voicecall.list", ["limit": 100])["payload"]?["calls"]?.array ?? []
            #expect(after == records, "\(after)")
            #expect(try world.transcript("user", containing: "FORGED").isEmpty)
            let sid = try await telephone.call(says: ["the-second-call"])
            try await telephone.heard("the-second-call", in: sid)
            #expect(try await telephone.ended(sid)["status"]?.string == provider.hungUp)
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("silence is asked about once, then the call ends; a slow model is waited for, with a word of patience")
        func silenceAndPatience() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world(["responseTimeoutMs": 1000])
            let silent = try await telephone.call(says: ["", "", "", ""])
            #expect(try await telephone.ended(silent, within: 60)["status"] == "completed")
            let heard = try await telephone.heard(silent)
            #expect((2...4).contains(heard.count), "\(heard)")
            #expect(try await world.model.calls().isEmpty, "nobody said anything")
            try await world.model.fault(["mode": "slow", "seconds": 6])
            let sid = try await telephone.call(says: ["take-your-time"])
            try await telephone.heard("take-your-time", in: sid, within: 40)
            let patient = try await telephone.heard(sid)
            #expect(patient.count == 3, "greeting, a word of patience once, the answer: \(patient)")
            _ = try await telephone.ended(sid)
            let slowest = try await telephone.server.rows("webhooks", from: 0, within: 0).compactMap { row -> Double? in
                if case .number(let ms)? = row["ms"] { ms } else { nil }
            }.max()
            #expect((slowest ?? 0) < 10_000, "Twilio gives up after 15 s: \(slowest ?? 0)")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a call lasts as long as it may and no longer, and a second caller at once hears a busy line")
        func limits() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world(["maxDurationSeconds": 4, "maxConcurrentCalls": 1])
            let sid = try await telephone.call(hangsUp: false)
            try await telephone.heard("Clawhold here.", in: sid)
            let second = try await telephone.ended(try await telephone.call(says: ["me too"]))
            #expect(second["status"] == "busy", "\(second.text)")
            _ = try await telephone.ended(sid, within: 30)
            let record = try await Telephone.record(try await client(world), sid, in: Telephone.ends)
            #expect(record["state"] == "timeout" || record["endReason"] == "timeout", "\(record.text)")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "clients by RPC: a question in two steps, what changed since, a call by the provider's name, no keys pressed"
        )
        func methods() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world()
            let client = try await client(world)
            let params: JSONValue = ["to": .string(Telephone.ada), "message": "Hello", "mode": "conversation"]
            let id = try #require(try await initiate(client, params)["payload"]?["callId"]?.string)
            let sid = try await telephone.sid()
            try await telephone.heard("Hello", in: sid)
            let asked = try await client.request(
                "voicecall.continue.start",
                ["callId": .string(id), "message": "What time?"],
                within: 30
            )
            let operation = try #require(asked["payload"]?["operationId"], "\(asked.text)")
            try await telephone.heard("What time?", in: sid)
            async let pending = client.request("voicecall.continue.result", ["operationId": operation], within: 40)
            try await telephone.say("at nine", in: sid)
            var result = try await pending["payload"]
            try await eventually("no answer: \(result?.text ?? "")") {
                if result?["status"] == "pending" {
                    result = try await client.request("voicecall.continue.result", ["operationId": operation])[
                        "payload"
                    ]
                }
                return result?["status"] == "completed"
            }
            #expect(result?["result"]?["transcript"] == "at nine", "\(result?.text ?? "")")
            #expect(try world.transcript("user", containing: "at nine").isEmpty, "who asked has it, and nobody else")
            let bySid = try await client.request("voicecall.status", ["sid": .string(sid)])["payload"]
            #expect(bySid?["found"] == true && bySid?["call"]?["callId"]?.string == id, "\(bySid?.text ?? "")")
            let rev = try #require(try await client.request("voicecall.list")["payload"]?["rev"])
            let keys = try await client.request("voicecall.dtmf", ["callId": .string(id), "digits": "1"])
            #expect(keys["ok"] == false && keys["error"]?["message"]?.string?.contains("dtmf") == true, "\(keys.text)")
            #expect(try await client.request("voicecall.end", ["callId": .string(id)])["ok"] == true)
            _ = try await telephone.ended(sid)
            _ = try await Telephone.record(client, id, in: ["hangup-bot"])
            let changed = try await client.request("voicecall.list", ["after": rev])["payload"]?["calls"]?.array
            #expect(changed?.count == 1 && changed?.first?["callId"]?.string == id, "\(changed ?? [])")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("an agent that is asked for it in a chat calls, once, and says so")
        func agentCalls() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world(on: [.telegram], ["toNumber": .string(Telephone.ada)])
            let order = #"use voice_call {"action": "initiate_call", "message": "Dinner is ready"}"#
            #expect(try await world.ask(order).contains("(after the tool)"))
            let sid = try await telephone.sid()
            _ = try await telephone.ended(sid)
            #expect(try await telephone.heard(sid) == ["Dinner is ready"])
            #expect(try await telephone.dialled == 1)
            let result = try world.transcript("toolResult", containing: "callId")
            #expect(result.count == 1, "\(result)")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a caller whose hanging up nobody told of does not keep the line busy for the next one")
        func untoldEnd() async throws {
            let telephone = try await Telephone()
            try await telephone.server.post("number", ["url": .string(Telephone.url)])
            let world = try await telephone.world()
            for round in 0..<3 {
                let sid = try await telephone.call(says: ["round-\(round)-end"])
                try await telephone.heard("round-\(round)-end", in: sid)
                #expect(try await telephone.ended(sid)["status"] == "completed", "round \(round)")
            }
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "through ngrok, as the guide has it: the address is found, the call comes by the door, the next address too",
            .enabled(if: Machine.isRoot)
        )
        func throughTunnel() async throws {
            let edge = try await TunnelEdge(isNamed: true)
            let telephone = try await Telephone()
            let address = try #require(try await edge.state["address"]?.string)
            try await telephone.server.post("target", ["url": .string("http://\(address):80")])
            let tunnel = try edge.tunnel("ngrok", [:])
            let world = try await telephone.world([
                "publicUrl": .null, "tunnel": ["provider": "ngrok"],
                "webhookSecurity": ["allowedHosts": ["example.ngrok.app"]],
            ]) { setup in
                // What the program is called here, and nothing else.
                setup.ownConfig = setup.ownConfig?.with("tunnel", "command", value: tunnel["command"] ?? "")
                setup.environment["NGROK_AUTHTOKEN"] = TunnelEdge.token
                setup.wrapper = edge.wrapper
            }
            var url = ""
            for round in 0..<2 {
                url = try await edge.up("tunnel:ngrok", world.gateway, not: url)
                try await telephone.server.post(
                    "number",
                    ["url": .string(url + "/voice/webhook"), "status": .string(url + "/voice/webhook")]
                )
                let sid = try await telephone.call(says: ["by-the-door-\(round)"])
                try await telephone.heard("by-the-door-\(round)", in: sid, within: 40)
                #expect(try await telephone.ended(sid)["status"] == "completed")
                let host = url.split(separator: "/").last.map(String.init)
                #expect(
                    try await edge.state["requests"]?.array.contains {
                        $0["host"]?.string == host && $0["path"]?.string?.hasPrefix("/voice/webhook") == true
                    } == true
                )
                if round == 0 { try await edge.server.post("order", ["order": "renew"]) }
            }
            try await telephone.answer(says: ["outbound-too"], hangsUp: true)
            let client = try await client(world)
            let params: JSONValue = ["to": .string(Telephone.ada), "message": "Hello", "mode": "conversation"]
            #expect(try await initiate(client, params)["ok"] == true)
            let sid = try await telephone.sid(ofCall: 3)
            try await telephone.heard("outbound-too", in: sid)
            #expect(try await telephone.judged().hasPrefix("same: "))
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
