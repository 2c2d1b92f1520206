import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// Every named place of the delivery contract (`docs/ipc.md` section 2.2): the power is cut exactly there, alone and with
    /// the gateway killed next, and the message must be answered all the same, once.
    @Suite("At every kill point", .serialized)
    struct KillPointTests {
        /// One place to cut the power at.
        struct Place: Sendable, CustomTestStringConvertible {
            var chat: Chat?
            var worker: String
            var point: String

            var testDescription: String { "\(point)@\(worker)" + (chat.map { " on \($0)" } ?? "") }
            var armed: String { "\(point)@\(worker):1" }

            /// The Bot API gives no way to know whether an interrupted send arrived: here, and only here, two answers are
            /// allowed, and the second is marked. Discord returns the message that a nonce already made.
            var isUndecidable: Bool { chat == .telegram && ["send.after-call", "result.after-frame"].contains(point) }
        }

        private static func places(_ chat: Chat?, _ worker: String, _ points: String) -> [Place] {
            points.split(separator: " ").map { Place(chat: chat, worker: worker, point: String($0)) }
        }

        static let places: [Place] = Chat.allCases.flatMap { chat in
            places(
                chat,
                "gateway",
                """
                inbound.before-commit inbound.after-commit normalize.before-commit normalize.after-commit \
                normalized.before-commit normalized.after-commit claim.before-commit claim.after-commit turn.after-frame \
                tool-open.before-commit tool-open.after-commit tool-close.before-commit tool-close.after-commit \
                done.before-commit done.after-commit send.before-commit send.after-commit send.after-frame \
                result.before-commit result.after-commit
                """
            )
                + places(
                    chat,
                    chat.worker,
                    """
                    inbound.before-frame inbound.after-frame inbound.after-ack normalize.received normalized.after-frame \
                    send.received send.before-call send.after-call result.after-frame
                    """
                )
                + places(
                    chat,
                    World.agentWorker,
                    """
                    turn.received model.before-call model.after-call tool.before-call tool.after-call \
                    transcript.before-write transcript.after-write done.after-frame
                    """
                )
                + places(chat, World.modelWorker, "model.received model.first-event model.last-event")
        }

        static let chatPlaces: [Place] =
            places(
                nil,
                "gateway",
                "chat-send.before-commit chat-send.after-commit claim.after-commit done.before-commit done.after-commit"
            )
            + places(nil, World.agentWorker, "turn.received model.after-call transcript.after-write done.after-frame")
            + places(nil, World.modelWorker, "model.received model.first-event model.last-event")

        @Test("a message is answered once", arguments: places)
        func message(_ place: Place) async throws { try await message(place, killingGateway: false) }

        @Test("a message is answered once, the gateway dying next", arguments: places)
        func messageAndGateway(_ place: Place) async throws { try await message(place, killingGateway: true) }

        @Test("a chat.send that is repeated after a lost connection runs once", arguments: chatPlaces)
        func chat(_ place: Place) async throws {
            let world = try await World.start(killPoints: [place.armed])
            let client = RepeatingClient(port: world.gateway.port)
            let outcome = try await client.ask("use session_status, question-one", key: "key-1")
            #expect(outcome.contains("question-one"))
            try await fired(place, in: world)
            #expect(try await client.ask("question-two", key: "key-2").contains("question-two"))
            #expect(try world.transcript("user", containing: "question-one").count == 1)
            #expect(try world.transcript("assistant", containing: "question-one (after the tool)").count == 1)
        }

        private func message(_ place: Place, killingGateway: Bool) async throws {
            let chat = place.chat ?? .telegram
            let world = try await World.start(on: [chat], killPoints: [place.armed])
            let fake = try world.fake(chat)
            // What is said before Discord's first READY is said to nobody: a bot hears of it only in a session.
            if chat == .discord { try await world.discord.ready() }
            // Writes to the tool so that every place is passed; the second message is of the same conversation, so its
            // answer comes when everything about the first one is settled.
            try await fake.say("use session_status, question-one")
            try await fired(place, in: world)
            if killingGateway { try await world.gateway.kill("gateway") }
            try await fake.say("question-two")
            guard try await fake.answer(to: "question-two", within: 40) != nil else {
                throw TestFailure("no answer after \(place.testDescription):\n\(world.gateway.process.tail())")
            }
            let answers = try await fake.answers(to: "question-one (after the tool)")
            var isRepeated = false
            if place.isUndecidable {
                #expect((1...2).contains(answers.count), "\(answers)")
                isRepeated = answers.count == 2
            } else {
                #expect(answers.count == 1, "\(answers)\n\(world.gateway.process.tail())")
            }
            #expect(try await fake.answers(to: "question-two").count == 1)
            #expect(try world.transcript("user", containing: "question-one").count == 1)
            #expect(try world.transcript("assistant", containing: "question-one (after the tool)").count == 1)
            let state = try await fake.state()
            #expect(state["violations"]?.array == [] && state["conflicts"]?.integer ?? 0 == 0, "\(state)")
            #expect(try await world.gateway.stop() == 0)
            if isRepeated {
                let marked = try await world.markedTexts()
                #expect(marked.contains { $0.contains("question-one (after the tool)") }, "marked: \(marked)")
            }
        }

        /// Returns when the supervisor has seen the armed worker kill itself, and not die of anything else.
        private func fired(_ place: Place, in world: World) async throws {
            try await world.gateway.process.line(containing: "\(place.worker) died: killed by SIGKILL", within: 20)
        }
    }
}

/// A client as they are: it connects again when its connection breaks, and sends what is not answered again with the same
/// key.
final class RepeatingClient: Sendable {
    private let port: UInt16

    init(port: UInt16) { self.port = port }

    /// The answer's text, over as many connections as it takes.
    func ask(_ text: String, key: String, within seconds: Double = 40) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last: any Error = TestFailure("no try")
        while ContinuousClock.now < deadline {
            do {
                let client = try await WebSocketClient.connected(to: port, token: Gateway.token)
                let payload = try await client.chat(text, key: key)
                if payload["status"] == "ok" { return try await answer(client) }
                let event = await client.frames.first(within: seconds) { WebSocketClient.isTerminal($0, of: key) }
                guard let outcome = event?["payload"] else { continue }
                guard outcome["state"] == "final" else { throw TestFailure("run \(key): \(outcome.text)") }
                return WebSocketClient.text(outcome)
            } catch {
                last = error
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        throw TestFailure("no answer to \(key) within \(seconds) s: \(last)")
    }

    /// The last answer of the history: for a run that ended while nobody was connected.
    private func answer(_ client: WebSocketClient) async throws -> String {
        let history = try await client.request("chat.history", ["sessionKey": "agent:main:main"])
        return history["payload"]?["messages"]?.array.last?.text ?? ""
    }
}
