internal import Config
internal import Journal
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("voicecall methods over real sockets")
struct VoiceMethodTests {
    private static let worker = "channel:voice-call:default"

    private func config(_ config: inout GatewayConfig, _ change: (inout GatewayVoice) -> Void = { _ in }) {
        var voice = GatewayVoice()
        voice.provider = "twilio"
        voice.toNumber = "+15550000009"
        change(&voice)
        config.voice = voice
    }

    private func answer(_ bench: EdgeBench, _ method: String, _ answers: String...) {
        bench.engine.state.withLock { $0.answersByMethod["\(Self.worker) \(method)"] = answers }
    }

    private func asked(_ bench: EdgeBench) -> [String] { bench.engine.state.withLock { $0.asked } }

    @Test("initiate names the call by its key for ever, and asks the worker to dial the number or the usual one")
    func initiate() async throws {
        try await EdgeBench.run {
            config(&$0.config)
        } _: { bench in
            answer(bench, "initiate", #"{"callId":"x","providerCallId":"CA1","state":"initiated"}"#)
            let client = try await bench.client(scopes: ["operator.write"])
            let params: WireValue = ["to": "+15550000002", "message": "Hi", "mode": "notify", "idempotencyKey": "k"]
            let first = try await client.ask("voicecall.initiate", params)
            #expect(
                first["payload"] == ["callId": "x", "initiated": true, "providerCallId": "CA1", "state": "initiated"]
            )
            _ = try await client.ask("voicecall.initiate", params)
            _ = try await client.ask("voicecall.start", ["to": "+15550000003"])
            _ = try await client.ask("voicecall.initiate", ["message": "Hi"])
            let questions = asked(bench)
            let id = CallID.derived(from: "k")
            #expect(questions[0] == questions[1], "the same key is the same call")
            #expect(questions[0].contains(#"{"callId":"\#(id)","to":"+15550000002","message":"Hi","mode":"notify"}"#))
            #expect(questions[2].contains("+15550000003") && questions[3].contains("+15550000009"))
            #expect(!questions[2].contains(id) && questions[2] != questions[3])
            let ended = KeptCall(callID: id, state: "busy", record: [], hasEnded: true, startedAt: 1)
            bench.engine.state.withLock { $0.calls = [ended] }
            let again = try await client.ask("voicecall.initiate", params)
            #expect(again["payload"] == ["callId": .string(id), "initiated": true, "state": "busy"])
            #expect(asked(bench).count == questions.count, "a call that has ended is not dialled again")
        }
    }

    @Test("a key's name is a UUID and always the same one")
    func names() {
        #expect(CallID.derived(from: "k") == CallID.derived(from: "k"))
        #expect(CallID.derived(from: "k") != CallID.derived(from: "l"))
        let parts = CallID.derived(from: "k").split(separator: "-")
        #expect(parts.map(\.count) == [8, 4, 4, 4, 12] && parts[2].first == "8")
        #expect(CallID.random() != CallID.random() && DeliveryCore.isCallID(CallID.random()))
    }

    @Test("what cannot be dialled is refused before the worker is asked, with the reason in the payload too")
    func refused() async throws {
        try await EdgeBench.run {
            config(&$0.config) { $0.toNumber = "" }
        } _: { bench in
            let client = try await bench.client(scopes: ["operator.write"])
            func error(_ method: String, _ params: WireValue) async throws -> String {
                let answer = try await client.ask(method, params)
                #expect(answer["ok"] == false)
                #expect(answer["payload"]?["error"] == answer["error"]?["message"])
                return answer["error"]?["message"]?.text ?? ""
            }
            #expect(try await error("voicecall.initiate", ["message": "x"]).contains("toNumber"))
            #expect(try await error("voicecall.initiate", ["message": "x", "to": "0800"]).contains("E.164"))
            #expect(try await error("voicecall.initiate", ["to": "+15550000002"]).contains("message"))
            #expect(
                try await error("voicecall.initiate", ["to": "+15550000002", "message": "x", "mode": "shout"])
                    .contains("mode")
            )
            #expect(try await error("voicecall.dtmf", ["digits": "1"]).contains("not supported"))
            #expect(try await error("voicecall.continue.result", ["operationId": "nonsense"]).contains("no operation"))
            #expect(asked(bench).isEmpty)
        }
    }

    @Test("without voice calls the way to switch them on is told, and a caller who may only read dials nobody")
    func off() async throws {
        try await EdgeBench.run { bench in
            let client = try await bench.client(scopes: ["operator.write"])
            let answer = try await client.ask("voicecall.speak", ["callId": "c", "message": "x"])
            #expect(answer["error"]?["message"]?.text?.contains("plugins.entries.voice-call") == true)
            let reader = try await bench.client(scopes: ["operator.read"])
            let refused = try await reader.ask("voicecall.end", ["callId": "c"])
            #expect(refused["error"]?["message"] == "missing scope: operator.write")
        }
    }

    @Test("continue says it and asks again and again until something is heard")
    func converse() async throws {
        try await EdgeBench.run {
            config(&$0.config)
        } _: { bench in
            answer(bench, "continue", #"{"success":true,"waiting":"w1"}"#)
            answer(bench, "heard", #"{"done":false}"#, #"{"done":false}"#, #"{"done":true,"transcript":"at home"}"#)
            let client = try await bench.client(scopes: ["operator.write"])
            let answer = try await client.ask("voicecall.continue", ["callId": "c", "message": "Where?"])
            #expect(answer["payload"] == ["success": true, "transcript": "at home"])
            #expect(asked(bench).count == 4)
            #expect(asked(bench).last?.contains(#"{"callId":"c","waiting":"w1"}"#) == true)
        }
    }

    @Test("the worker's error is the answer, and ends the waiting")
    func error() async throws {
        try await EdgeBench.run {
            config(&$0.config)
        } _: { bench in
            answer(bench, "continue", #"{"success":true,"waiting":"w1"}"#)
            answer(bench, "heard", #"{"done":false}"#, #"{"error":"the call is over"}"#)
            let client = try await bench.client(scopes: ["operator.write"])
            let answer = try await client.ask("voicecall.continue", ["callId": "c", "message": "Where?"])
            #expect(answer["ok"] == false && answer["payload"] == ["error": "the call is over"])
        }
    }

    @Test("in two steps the operation's name is all that is needed to ask for what was heard")
    func twoSteps() async throws {
        try await EdgeBench.run {
            config(&$0.config)
        } _: { bench in
            answer(bench, "continue", #"{"success":true,"waiting":7}"#)
            answer(bench, "heard", #"{"done":false}"#, #"{"done":true,"transcript":"yes"}"#)
            let client = try await bench.client(scopes: ["operator.write"])
            let begun = try await client.ask("voicecall.continue.start", ["callId": "c", "message": "?"])["payload"]
            let id = try #require(begun?["operationId"]?.text)
            #expect(begun?["status"] == "pending" && begun?["pollTimeoutMs"] == 180_000)
            let first = try await client.ask("voicecall.continue.result", ["operationId": .string(id)])["payload"]
            #expect(first?["status"] == "pending")
            let second = try await client.ask("voicecall.continue.result", ["operationId": .string(id)])["payload"]
            #expect(second?["status"] == "completed" && second?["result"]?["transcript"] == "yes")
            #expect(asked(bench).last?.contains(#""waiting":7"#) == true)
        }
    }

    @Test("status and list come from the journal: nobody is asked")
    func known() async throws {
        try await EdgeBench.run { bench in
            let record =
                #"{"callId":"c","state":"completed","transcript":[{"text":"a"},{"text":"b"}],"processedEventIds":["e"]}"#
            var call = KeptCall(
                callID: "c",
                state: "completed",
                record: Array(record.utf8),
                hasEnded: true,
                startedAt: 1
            )
            (call.rev, call.updatedAt) = (7, 9)
            bench.engine.state.withLock { [call] in $0.calls = [call] }
            let client = try await bench.client(scopes: ["operator.read"])
            let found = try await client.ask("voicecall.status", ["callId": "c"])["payload"]
            #expect(found?["found"] == true && found?["call"]?["processedEventIds"] == ["e"])
            #expect(found?["call"]?["rev"] == 7 && found?["call"]?["updatedAt"] == 9)
            #expect(try await client.ask("voicecall.status", ["sid": "x"])["payload"] == ["found": false])
            let list = try await client.ask("voicecall.list", .object([]))["payload"]
            #expect(list?["rev"] == 7 && list?["calls"]?.items?.first?["processedEventIds"] == nil)
            #expect(list?["calls"]?.items?.first?["transcript"]?.items?.count == 2)
            let after = try await client.ask("voicecall.list", ["after": 7])["payload"]
            #expect(after == ["calls": [], "rev": 7])
            #expect(asked(bench).isEmpty)
        }
    }
}
