import Testing

extension SystemTests {
    /// Failover Bench's sixteen situations (its catalogue 0.1, S01 to S16; our own fake, no code of theirs) and those that it does
    /// not have, with another provider to fall back on: the person gets the whole answer or a clear error, in time.
    @Suite("When a provider fails and another is there", .serialized)
    struct SituationTests {
        /// What may come of it.
        enum Outcome: Sendable {
            case answer
            /// Something of the answer was shown already, or asking elsewhere would not help.
            case answerOrError
            case error
        }

        struct Situation: Sendable, CustomTestStringConvertible {
            var name: String
            /// What befalls the first provider; none: nobody listens there.
            var fault: JSONValue?
            var outcome = Outcome.answer
            /// Requests that the first provider may see, at most two with one key.
            var attempts = 1...2
            /// Only this dialect knows it.
            var dialect: TestProvider.Dialect?

            var testDescription: String { name }
        }

        private static func error(_ name: String, count: Int64 = -1, retry: Int64? = nil) -> JSONValue {
            let fault: JSONValue = ["mode": "error", "name": .string(name), "count": .integer(count)]
            return retry.map { fault.with("retry", value: .integer($0)) } ?? fault
        }

        private static func mode(_ mode: String, count: Int64 = -1) -> JSONValue {
            ["mode": .string(mode), "count": .integer(count)]
        }

        static let situations = [
            Situation(name: "S01 429 with Retry-After", fault: error("rate", count: 1, retry: 2)),
            Situation(name: "S02 429 without Retry-After", fault: error("rate")),
            Situation(name: "S03 500 once", fault: error("server", count: 1)),
            Situation(name: "S04 503", fault: error("unavailable")),
            Situation(name: "S05 reset before an answer", fault: mode("reset", count: 1)),
            Situation(name: "S06 no answer at all", fault: mode("silent"), attempts: 1...1),
            Situation(name: "S07 slow first token", fault: mode("slow").with("seconds", value: 20), attempts: 1...1),
            Situation(name: "S08 cut in the middle", fault: mode("cut"), outcome: .answerOrError),
            Situation(name: "S09 stalled in the middle", fault: mode("stall"), outcome: .answerOrError),
            Situation(name: "S10 a malformed chunk", fault: mode("malformed"), outcome: .answerOrError),
            Situation(name: "S11 no [DONE]", fault: mode("no-end"), attempts: 1...1, dialect: .chat),
            Situation(
                name: "S12 too long for the model",
                fault: error("overflow"),
                outcome: .answerOrError,
                attempts: 1...1
            ),
            Situation(
                name: "S13 refused by a content filter",
                fault: error("filter"),
                outcome: .error,
                attempts: 1...1,
                dialect: .chat
            ),
            // A request that is wrong somehow, as far as its code tells: another vendor may take it.
            Situation(
                name: "S13 the same in words alone",
                fault: error("filter"),
                outcome: .answerOrError,
                attempts: 1...1,
                dialect: .anthropic
            ),
            Situation(
                name: "S14 cut, and nobody takes a prefill",
                fault: mode("cut").with("reset", value: true),
                outcome: .answerOrError
            ),
            Situation(name: "S16 503, and who is billed", fault: error("overloaded").with("status", value: 503)),
            Situation(name: "connection refused", attempts: 0...0),
            Situation(name: "529", fault: error("overloaded").with("status", value: 529)),
            Situation(name: "an empty wallet", fault: error("quota"), attempts: 1...1),
            Situation(name: "a spend limit", fault: error("spend"), attempts: 1...1),
            Situation(name: "a key that is not taken", fault: error("auth"), attempts: 1...1),
            Situation(name: "a model that is not there", fault: error("not-found"), attempts: 1...1),
            Situation(name: "a stream that says nothing", fault: mode("silence"), attempts: 1...1),
            Situation(name: "ended early without its end", fault: mode("truncated"), outcome: .answerOrError),
            Situation(
                name: "an error in the stream, first",
                fault: mode("error-first").with("name", value: "overloaded")
            ),
            Situation(
                name: "an empty wallet in the stream, first",
                fault: mode("error-first").with("name", value: "quota"),
                attempts: 1...1
            ),
            Situation(
                name: "an error in the stream, later",
                fault: mode("error-later").with("name", value: "overloaded"),
                outcome: .answerOrError
            ),
            Situation(name: "an empty answer", fault: mode("empty")),
        ]

        struct Case: Sendable, CustomTestStringConvertible {
            var situation: Situation
            var dialect: TestProvider.Dialect
            var testDescription: String { "\(situation.name), \(dialect)" }
        }

        /// Each in one dialect, in turn; the long form in all.
        static let cases = situations.enumerated().flatMap { number, situation in
            let all = TestProvider.Dialect.allCases
            let some = Extent.isFull ? all : [all[number % all.count]]
            return (situation.dialect.map { [$0] } ?? some).map { Case(situation: situation, dialect: $0) }
        }

        static let question = "one two three four five six seven eight nine ten eleven twelve end"

        @Test("a whole answer or a clear error, in time, never half an answer as a whole one", arguments: cases)
        func situation(_ tried: Case) async throws {
            let situation = tried.situation
            let first = TestProvider("alpha", tried.dialect)
            let second = TestProvider("beta", tried.dialect == .chat ? .anthropic : .chat)
            let nobody = "http://127.0.0.1:\(try Socket.freePort())"
            let world = try await World.start(models: [first, second]) { setup in
                guard situation.fault == nil else { return }
                setup.config = setup.config?.with("models", "providers", first.name, value: first.entry(nobody))
            }
            if let fault = situation.fault {
                try await world.model.fault(fault.with("provider", value: .string(first.name)))
            }
            let client = try await world.client()
            let began = ContinuousClock.now
            _ = try await client.chat(Self.question, key: "first")
            let outcome = try await client.outcome(of: "first", within: 25)
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            #expect(seconds < 15, "\(seconds) s")
            let text = WebSocketClient.text(outcome)
            let isWhole = outcome["state"] == "final" && text.contains("echo:") && text.contains(Self.question)
            let sentence = outcome["errorMessage"]?.string ?? ""
            let isError = outcome["state"] == "error" && sentence.contains(" ") && !sentence.contains("{")
            switch situation.outcome {
            case .answer: #expect(isWhole, "\(outcome.text)\n\(world.gateway.process.tail())")
            case .answerOrError: #expect(isWhole || isError, "\(outcome.text)\n\(world.gateway.process.tail())")
            case .error: #expect(isError, "\(outcome.text)\n\(world.gateway.process.tail())")
            }
            // It goes on.
            try await world.model.control("clear-faults")
            _ = try await client.chat("and now", key: "second")
            let after = try await client.outcome(of: "second", within: 25)
            #expect(WebSocketClient.text(after).contains("echo:"), "\(after.text)\n\(world.gateway.process.tail())")

            let calls = try await world.model.settled()
            let faulty = calls.filter { $0["provider"]?.string == first.name && $0["fault"] != nil }
            let expected = situation.fault?["count"] == 1 ? 1...1 : situation.attempts
            #expect(expected.contains(faulty.count), "\(faulty.map(\.text))")
            let refused = calls.filter { $0["outcome"] == "fault" && $0["fault"] == nil }
            #expect(refused.isEmpty, "requests that no provider takes: \(refused.map(\.text))")
            #expect(try await world.gateway.stop() == 0)
            try await LedgerCheck(world.ledger(), calls).equal(unreached: situation.fault == nil ? 1...2 : 0...0)
            try KeySearch([first, second]).nowhere(in: world, frames: client.frames.items)
        }

        @Test("S15 a provider that is down is left alone, serves again when it is back, and is found by itself")
        func flap() async throws {
            let (first, second) = (TestProvider("alpha", .chat), TestProvider("beta", .anthropic))
            let world = try await World.start(models: [first, second])
            try await world.model.fault(Self.error("unavailable").with("provider", value: "alpha"))
            let client = try await world.client()
            for number in 0..<5 {
                _ = try await client.chat("question \(number)", key: "down-\(number)")
                let outcome = try await client.outcome(of: "down-\(number)")
                #expect(WebSocketClient.text(outcome).contains("question \(number)"), "\(outcome.text)")
            }
            // Two questions with two requests each; after that nobody asks for a while.
            let tried = try await world.model.calls(to: "alpha").count
            #expect((1...4).contains(tried), "\(tried) requests to a provider that is down")
            try await world.model.control("clear-faults")
            guard Extent.isFull else { return }
            var number = 0
            try await eventually(within: 180, "the first provider answers again") {
                number += 1
                _ = try await client.chat("again \(number)", key: "up-\(number)")
                _ = try await client.outcome(of: "up-\(number)")
                return try await world.model.calls(to: "alpha").contains { $0["outcome"] == "finished" }
            }
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
