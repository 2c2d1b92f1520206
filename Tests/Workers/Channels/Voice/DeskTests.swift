import Config
import Runtime
import TestSupport
import Testing

@testable import Voice

@Suite("Calls from their beginning to their end", .timeLimit(.minutes(1)))
struct DeskTests {
    private let call = #"{"callId":"c-1","to":"+15552223333","message":"Hello","mode":"conversation"}"#

    @Test("dialled once: kept before and after, asked for again it is told, not dialled")
    func dialled() async throws {
        let scene = DeskScene()
        scene.open()
        #expect(await scene.ask("initiate", call) == #"{"callId":"c-1","providerCallId":"CA1","state":"initiated"}"#)
        #expect(scene.saved.map(\.wasDialled) == [false, true, true])
        #expect(scene.saved.map(\.providerCallId) == [nil, nil, "CA1"])
        #expect(scene.reached.filter { $0.hasPrefix("dial.") } == ["dial.before-call", "dial.after-call"])
        #expect(scene.reached.contains("call.before-save") && scene.reached.contains("call.after-save"))
        #expect(await scene.ask("initiate", call).contains("CA1"))
        #expect(scene.provider.asked == ["dial +15552223333 https://a.example/voice/webhook"])
    }

    @Test("what the gateway does not keep is not dialled")
    func notKept() async throws {
        let scene = DeskScene()
        scene.open()
        scene.failSaves(1)
        #expect(await scene.ask("initiate", call) == #"{"error":"the disk is full"}"#)
        scene.pass(0)
        #expect(scene.provider.asked.isEmpty && scene.desk.liveCount == 0)
    }

    @Test(
        "what cannot be dialled says why",
        arguments: [
            (#"{"callId":"c","message":"x"}"#, "toNumber is not set"),
            (#"{"callId":"c","to":"5551234","message":"x"}"#, "write it as +15551234567"),
            (#"{"callId":"c","to":"+15551234567","message":"","mode":"notify"}"#, "message is missing"),
            (#"{"callId":"c","to":"+15551234567","message":"x","mode":"sing"}"#, "mode is"),
            (#"{"callId":"a b","to":"+15551234567","message":"x"}"#, "callId"), (#"{}"#, "callId"), (#"["#, "error"),
        ]
    )
    func refused(_ params: String, _ words: String) async throws {
        let scene = DeskScene()
        scene.open()
        let answer = await scene.ask("initiate", params)
        #expect(answer.contains(words) && answer.contains("error"), "\(answer)")
        #expect(scene.provider.asked.isEmpty)
    }

    @Test("without a public address a notice goes out with its words, and a conversation says what to set")
    func unreachable() async throws {
        let scene = DeskScene { $0.publicURL = "" }
        scene.open()
        #expect(await scene.ask("initiate", call).contains("publicUrl"))
        let notice = #"{"callId":"c-2","to":"+15552223333","message":"Hello","mode":"notify"}"#
        #expect(await scene.ask("initiate", notice).contains("CA1"))
        #expect(scene.provider.asked == ["dial +15552223333 inline"])
        let time = Task { await scene.desk.keepTime() }
        scene.pass(1_500)
        try await eventually { scene.saved.last?.state == .speaking }
        #expect(scene.saved.last?.transcript.map(\.text) == ["Hello"])
        scene.provider.set { $0.look = .success(.ended(.completed)) }
        scene.pass(6_000)
        try await eventually { scene.saved.last?.state == .completed }
        time.cancel()
    }

    @Test("of more calls than wanted at the same time the next is refused")
    func concurrent() async throws {
        let scene = DeskScene { $0.maxConcurrentCalls = 1 }
        scene.open()
        #expect(await scene.ask("initiate", call).contains("CA1"))
        #expect(await scene.ask("initiate", call.replacing("c-1", with: "c-2")).contains("maxConcurrentCalls"))
        let busy = await scene.twilio("", [("CallSid", "CA9"), ("Direction", "inbound"), ("From", "+1555")])
        #expect(busy.contains(#"<Reject reason="busy"/>"#))
    }

    @Test("asked for many times at the same moment: one call is dialled once, and of many no more than may be")
    func atOnce() async throws {
        for _ in 0..<20 {
            for differ in [false, true] {
                let scene = DeskScene { $0.maxConcurrentCalls = differ ? 2 : 4 }
                scene.open()
                await withTaskGroup { group in
                    for number in 1...8 {
                        let call = differ ? call.replacing("c-1", with: "c-\(number)") : call
                        group.addTask { _ = await scene.ask("initiate", call) }
                    }
                }
                let dialled = scene.provider.asked.count { $0.hasPrefix("dial") }
                #expect(dialled == (differ ? 2 : 1), "\(scene.provider.asked)")
            }
        }
    }

    @Test("a call that the provider refuses has failed; one that never left too")
    func failed() async throws {
        for failure in [ProviderFailure.refused(status: 400, "21211: no number"), .unsent("refused")] {
            let scene = DeskScene()
            scene.open()
            scene.provider.set { $0.dial = .failure(failure) }
            #expect(await scene.ask("initiate", call).contains("did not take the call"))
            try await eventually { scene.saved.last?.state == .failed }
            #expect(scene.desk.liveCount == 0)
            #expect(await scene.ask("initiate", call).contains("failed"))
        }
    }

    @Test("an answer to dialling that never came is looked up, not dialled again")
    func doubt() async throws {
        let scene = DeskScene()
        scene.open()
        scene.provider.set {
            $0.dial = .failure(.unknown("no answer"))
            $0.find = .success("CA7")
        }
        #expect(await scene.ask("initiate", call).contains("CA7"))
        #expect(scene.provider.asked.count { $0.hasPrefix("dial") } == 1)
    }

    private func talking(_ scene: DeskScene) async throws -> String {
        scene.open()
        _ = await scene.ask("initiate", call)
        return await scene.twilio("callId=c-1", [("CallStatus", "in-progress")])
    }

    @Test("a conversation: the first words, what is said goes into the journal, the answer is said in its place")
    func conversation() async throws {
        let scene = DeskScene()
        let first = try await talking(scene)
        #expect(first.contains(">Hello</Say><Gather"))
        let turn = DeskScene.token("turn", in: first)
        async let answer = scene.twilio("callId=c-1&turn=\(turn)", [("SpeechResult", "What time is it?")])
        try await eventually { scene.journal.count == 1 }
        #expect(scene.journal.first?.text == "What time is it?" && scene.journal.first?.number == "+15552223333")
        #expect(scene.journal.first?.key == "voice-call:default:CA1:\(turn)")
        let said = await scene.desk.say("Noon.", in: "c-1", event: "send:5")
        #expect(said == .taken(isDoubtful: false))
        #expect(await answer.contains(">Noon.</Say><Gather"))
        try await eventually { scene.saved.last?.transcript.map(\.text) == ["Hello", "What time is it?", "Noon."] }
        // The same row again is not said again.
        #expect(await scene.desk.say("Noon.", in: "c-1", event: "send:5") == .taken(isDoubtful: false))
        #expect(!scene.provider.asked.contains { $0.hasPrefix("speak") })
    }

    @Test("an answer that takes long: Twilio comes again and again, is asked for patience once, and gets it then")
    func slow() async throws {
        let scene = DeskScene { $0.responseTimeoutMilliseconds = 5_000 }
        let first = try await talking(scene)
        async let held = scene.twilio(
            "callId=c-1&turn=\(DeskScene.token("turn", in: first))",
            [("SpeechResult", "Hm?")]
        )
        try await eventually { scene.journal.count == 1 && scene.desk.call("c-1")?.talk.heardAt != nil }
        scene.pass(VoiceDesk.hold)
        let redirect = await held
        #expect(redirect.contains(#"<Pause length="1"/><Redirect"#))
        scene.pass(2_000)
        async let again = scene.twilio("callId=c-1&wait=\(DeskScene.token("wait", in: redirect))")
        try await eventually { scene.desk.call("c-1")?.talk.held == 1 }
        scene.pass(VoiceDesk.hold)
        let patience = await again
        #expect(patience.contains(TwilioScript.patience))
        async let third = scene.twilio("callId=c-1&wait=\(DeskScene.token("wait", in: patience))")
        try await eventually { scene.desk.call("c-1")?.talk.held == 1 }
        scene.pass(VoiceDesk.hold)
        let more = await third
        #expect(!more.contains(TwilioScript.patience))
        // In between nothing is held: the text waits for the next request instead of cutting one short.
        async let said = scene.desk.say("Here it is.", in: "c-1", event: "send:1")
        try await eventually { scene.desk.call("c-1")?.talk.queue.count == 1 }
        #expect(await scene.twilio("callId=c-1&wait=\(DeskScene.token("wait", in: more))").contains("Here it is."))
        #expect(await said == .taken(isDoubtful: false))
    }

    @Test("chunks of a long answer follow each other, and the last one listens")
    func chunks() async throws {
        let scene = DeskScene()
        let first = try await talking(scene)
        let long = String(repeating: "word ", count: 500)
        async let held = scene.twilio(
            "callId=c-1&turn=\(DeskScene.token("turn", in: first))",
            [("SpeechResult", "Tell me")]
        )
        try await eventually { scene.journal.count == 1 }
        #expect(await scene.desk.say(long, in: "c-1", event: "send:1") == .taken(isDoubtful: false))
        let one = await held
        #expect(one.contains("wait=") && !one.contains("<Gather"))
        async let said = scene.desk.say("The end.", in: "c-1", event: "send:2")
        try await eventually { scene.desk.call("c-1")?.talk.queue.count == 1 }
        let two = await scene.twilio("callId=c-1&wait=\(DeskScene.token("wait", in: one))")
        #expect(two.contains("The end.") && two.contains("<Gather"))
        #expect(await said == .taken(isDoubtful: false))
    }

    @Test("with nobody waiting a text is a command, once what is being said is over")
    func command() async throws {
        let scene = DeskScene()
        _ = try await talking(scene)
        async let said = scene.desk.say("By the way", in: "c-1", event: "send:1")
        try await eventually { scene.desk.call("c-1")?.talk.queue.count == 1 }
        #expect(!scene.provider.asked.contains("speak By the way"))
        scene.pass(5_000)
        #expect(await said == .taken(isDoubtful: false))
        #expect(scene.provider.asked.contains("speak By the way"))
    }

    @Test("what a command brought is what becomes of the text")
    func outcomes() async throws {
        let cases: [(ProviderFailure, SayResult)] = [
            (.unsent("no route"), .later(milliseconds: 2_000, "no route")),
            (.tooMany(seconds: 3), .later(milliseconds: 3_000, "too many requests: again after 3 s")),
            (.unknown("no answer"), .unclear("no answer")), (.refused(status: 404, "gone"), .over("the call is over")),
            (.refused(status: 400, "bad"), .refused("400 bad")),
        ]
        for (failure, result) in cases {
            let scene = DeskScene()
            _ = try await talking(scene)
            scene.provider.set { $0.speak = .failure(failure) }
            scene.pass(60_000)
            #expect(await scene.desk.say("x", in: "c-1", event: "send:1") == result)
            #expect(scene.desk.call("c-1")?.talk.queue.isEmpty == true)
        }
    }

    @Test("an answer that was not written is said again, and marked")
    func unwritten() async throws {
        let scene = DeskScene()
        let first = try await talking(scene)
        let turn = DeskScene.token("turn", in: first)
        async let lost = scene.twilio("callId=c-1&turn=\(turn)", [("SpeechResult", "Hm?")], writes: false)
        try await eventually { scene.journal.count == 1 }
        async let said = scene.desk.say("Noon.", in: "c-1", event: "send:1")
        #expect(await lost.contains("Noon."))
        // Twilio asks the same again: nothing is journaled twice.
        #expect(await scene.twilio("callId=c-1&turn=\(turn)", [("SpeechResult", "Hm?")]).contains("Noon."))
        #expect(await said == .taken(isDoubtful: true))
        #expect(scene.journal.count == 1)
    }

    @Test("a request that comes again has the same answer and changes nothing")
    func replay() async throws {
        let scene = DeskScene()
        let first = try await talking(scene)
        #expect(await scene.twilio("callId=c-1", [("CallStatus", "in-progress")]) == first)
        #expect(scene.desk.call("c-1")?.machine.record.transcript.count == 1)
    }

    @Test("who says nothing is asked once more, then the call ends")
    func silence() async throws {
        let scene = DeskScene()
        let first = try await talking(scene)
        let again = await scene.twilio("callId=c-1&silence=\(DeskScene.token("silence", in: first))")
        #expect(again.contains(TwiML.escaped(TwilioScript.again)) && again.contains("<Gather"))
        let bye = await scene.twilio("callId=c-1&silence=\(DeskScene.token("silence", in: again))")
        #expect(bye.contains("Goodbye") && bye.contains("<Hangup/>"))
        _ = await scene.twilio("callId=c-1&type=status", [("CallStatus", "completed"), ("SequenceNumber", "3")])
        try await eventually { scene.saved.last?.state == .hangupBot }
        #expect(scene.saved.last?.endReason == "nobody said anything")
    }

    @Test("a call that came in is kept before it is answered; one that may not is rejected and told")
    func inbound() async throws {
        let scene = DeskScene {
            $0.inboundPolicy = .allowlist
            $0.allowFrom = ["+15557770000"]
        }
        scene.open()
        let from = [("Direction", "inbound"), ("CallStatus", "ringing"), ("To", "+15550001111")]
        let stranger = await scene.twilio("", from + [("From", "+15551110000")])
        #expect(stranger.contains("<Reject/>"))
        #expect(scene.journal.first?.refused?.contains("allowFrom") == true && scene.saved.isEmpty)
        let greeting = await scene.twilio("", [("CallSid", "CA2")] + from + [("From", "+15557770000")])
        #expect(greeting.contains(">Welcome</Say><Gather"))
        try await eventually { scene.saved.last?.state == .speaking }
        #expect(scene.saved.first?.direction == .inbound && scene.saved.first?.providerCallId == "CA2")
    }

    @Test("`continue` says something and hears what is said then; the agent is not told of it a second time")
    func listening() async throws {
        let scene = DeskScene()
        let first = try await talking(scene)
        scene.pass(5_000)
        let asked = try JSON(parsing: Array(await scene.ask("continue", #"{"callId":"c-1","message":"Which?"}"#).utf8))
        let waiting = try #require(asked["waiting"]?.string)
        async let heard = scene.ask("heard", #"{"callId":"c-1","waiting":"\#(waiting)"}"#)
        async let held = scene.twilio(
            "callId=c-1&turn=\(DeskScene.token("turn", in: first))",
            [("SpeechResult", "The red one")]
        )
        #expect(await heard == #"{"done":true,"transcript":"The red one"}"#)
        #expect(scene.journal.isEmpty)
        async let ended = scene.ask("end", #"{"callId":"c-1"}"#)
        let time = Task { await scene.desk.keepTime() }
        #expect(await ended == #"{"success":true}"#)
        #expect(await held.contains("<Hangup/>"))
        try await eventually { scene.saved.last?.state == .hangupBot }
        #expect(await scene.ask("heard", #"{"callId":"c-1","waiting":"other"}"#).contains("ended"))
        #expect(await scene.ask("speak", #"{"callId":"c-1","message":"x"}"#).contains("over"))
        time.cancel()
    }

    private func kept(_ change: (inout CallRecord) -> Void) -> CallRecord {
        var record = CallRecord(
            callId: "c-1",
            provider: "twilio",
            direction: .outbound,
            state: .initiated,
            from: "+15550001111",
            to: "+15552223333",
            startedAt: 1,
            mode: .conversation
        )
        change(&record)
        return record
    }

    @Test("after a restart every call is asked for, what is over is closed, and none is dialled")
    func recovery() async throws {
        let expected: [(CallRecord, (inout FakeProvider.State) -> Void, CallRecord.State?, String)] = [
            (kept { $0.providerCallId = "CA1" }, { $0.look = .success(.ended(.busy)) }, .busy, "busy"),
            (kept { $0.providerCallId = "CA1" }, { $0.look = .success(nil) }, .completed, "does not know"),
            (kept { $0.wasDialled = false }, { _ in }, .failed, "not dialled"),
            (kept { $0.providerCallId = "CA1" }, { $0.look = .success(.ringing) }, nil, ""),
            (
                kept { $0.wasDialled = true }, { $0.find = .success("CA3") }, nil, ""
            ),
        ]
        for (record, change, state, words) in expected {
            let scene = DeskScene()
            scene.provider.set(change)
            scene.open([record])
            if let state {
                try await eventually { scene.saved.last?.state == state }
                #expect(scene.saved.last?.endReason?.contains(words) == true)
            } else {
                try await eventually { !scene.provider.asked.isEmpty && !scene.saved.isEmpty }
                #expect(scene.saved.last?.providerCallId != nil)
                #expect(scene.desk.liveCount == 1)
            }
            #expect(!scene.provider.asked.contains { $0.hasPrefix("dial") })
        }
    }

    @Test("a call that lived goes on: what Twilio asks for it is answered")
    func goesOn() async throws {
        let scene = DeskScene()
        scene.open([
            kept {
                $0.providerCallId = "CA1"
                $0.state = .listening
                $0.answeredAt = 2
                $0.startedAt = Int64.max / 4
            }
        ])
        async let held = scene.twilio("callId=c-1&turn=old", [("SpeechResult", "Still there?")])
        try await eventually { scene.journal.count == 1 }
        #expect(await scene.desk.say("Yes.", in: "c-1", event: "send:1") == .taken(isDoubtful: false))
        #expect(await held.contains("Yes."))
    }

    @Test("who leaves gives back what was not said and answers what waits")
    func leaving() async throws {
        let scene = DeskScene()
        let first = try await talking(scene)
        async let said = scene.desk.say("x", in: "c-1", event: "send:1")
        try await eventually { scene.desk.call("c-1")?.talk.queue.count == 1 }
        scene.desk.leave()
        guard case .later = await said else {
            Issue.record("it was not given back")
            return
        }
        let answer = await scene.twilio(
            "callId=c-1&turn=\(DeskScene.token("turn", in: first))",
            [("SpeechResult", "Hm?")]
        )
        #expect(answer.contains(#"<Pause length="3"/><Redirect"#) && scene.journal.count == 1)
    }

    @Test("sixteen texts wait in a call; the next is to come again")
    func queueBound() async throws {
        let scene = DeskScene()
        _ = try await talking(scene)
        let saying = (0..<Talk.queueLimit).map { number in
            Task { await scene.desk.say("\(number)", in: "c-1", event: "send:\(number)") }
        }
        try await eventually { scene.desk.call("c-1")?.talk.queue.count == Talk.queueLimit }
        guard case .later = await scene.desk.say("more", in: "c-1", event: "send:more") else {
            Issue.record("the queue has no end")
            return
        }
        scene.desk.leave()
        for task in saying { _ = await task.value }
    }

    @Test("before the gateway has said what lived nothing is taken")
    func closed() async throws {
        let scene = DeskScene()
        async let early = scene.twilio("callId=c-1", [("CallStatus", "in-progress")])
        #expect(await early.hasPrefix("503"))
        #expect(await scene.ask("initiate", call).contains("starting"))
    }

    @Test("a status of a call counts once, under the name that the call has")
    func statuses() async throws {
        let scene = DeskScene()
        scene.open()
        _ = await scene.ask("initiate", call)
        let ringing = [("CallStatus", "ringing"), ("SequenceNumber", "1")]
        #expect(await scene.twilio("callId=c-1&type=status", ringing).contains("<Response></Response>"))
        #expect(scene.desk.call("c-1")?.machine.record.state == .ringing)
        _ = await scene.twilio("callId=c-1&type=status", [("CallSid", "CA2"), ("CallStatus", "completed")])
        #expect(scene.desk.liveCount == 1)
        _ = await scene.twilio("callId=c-1&type=status", [("CallStatus", "no-answer"), ("SequenceNumber", "2")])
        try await eventually { scene.saved.last?.state == .noAnswer }
        #expect(await scene.twilio("callId=c-1", [("CallStatus", "in-progress")]).contains("<Hangup/>"))
    }

    @Test("the mock: events in, words out, an end")
    func mock() async throws {
        let scene = DeskScene(FakeProvider(speaksByWebhook: false))
        scene.open()
        scene.provider.set { $0.dial = .success("mock-c-1") }
        _ = await scene.ask("initiate", call)
        func event(_ id: String, _ type: String, _ more: String = "") async -> UInt {
            await scene.events(#"{"event":{"id":"\#(id)","type":"\#(type)","callId":"c-1"\#(more)}}"#)
        }
        #expect(await event("1", "call.answered") == 200)
        try await eventually { scene.provider.asked.contains("speak Hello") }
        #expect(await event("2", "call.speech", #","transcript":"Hm?""#) == 200)
        #expect(await event("2", "call.speech", #","transcript":"Hm?""#) == 200)
        #expect(scene.journal.map(\.text) == ["Hm?"])
        #expect(await event("3", "call.ended", #","reason":"hangup-user""#) == 200)
        try await eventually { scene.saved.last?.state == .hangupUser }
        #expect(await scene.events("{") == 400)
    }

    @Test("words that could not be journaled are asked for again")
    func undelivered() async throws {
        let scene = DeskScene(FakeProvider(speaksByWebhook: false))
        scene.open()
        scene.provider.set { $0.dial = .success("mock-c-1") }
        _ = await scene.ask("initiate", call)
        scene.failDeliveries(1)
        let speech = #"{"event":{"id":"7","type":"call.speech","callId":"c-1","transcript":"Hm?"}}"#
        #expect(await scene.events(speech) == 503)
        #expect(await scene.events(speech) == 200)
        #expect(scene.journal.map(\.text) == ["Hm?"])
    }
}
