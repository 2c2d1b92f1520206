import FoundationEssentials
import IPCHub
import Runtime
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite struct TurnLoopTests {
    private static let hello: [FakeModels.Step] = [.text("Hel"), .text("lo"), .finish("end_turn")]

    @Test("a message becomes a user entry, a streamed text, a reply entry and DONE")
    func plain() async throws {
        let models = FakeModels(Self.hello)
        let bench = try Bench(models)
        let done = try await bench.run(Bench.turn("t1", "hi"))
        #expect(done.status == .ok && done.text == "Hello" && done.stopReason == "end_turn")
        #expect(done.usage.input == 10 && done.usage.output == 5 && done.model == "anthropic/test-model")
        #expect(bench.gateway.shownText == "Hello")
        let lines = try bench.transcript()
        #expect(lines.count == 3)
        #expect(lines[0]["type"] == "session" && lines[0]["version"] == 3)
        #expect(lines[1]["message"]?["role"] == "user" && lines[1]["parentId"] == .null)
        #expect(lines[2]["parentId"] == lines[1]["id"])
        let reply = try #require(lines[2]["message"])
        #expect(reply["stopReason"] == "stop" && reply["provider"] == "anthropic" && reply["model"] == "test-model")
        #expect(reply["usage"]?["totalTokens"] == 15)
        let entry = try #require(try await bench.store.entry(SessionKey("main", agent: "main")))
        #expect(entry["sessionId"] == lines[0]["id"])
        #expect(entry["totalTokens"] == 15 && entry["modelProvider"] == "anthropic")
        let call = try #require(models.calls.first)
        #expect(call.request.model == "test-model" && call.messages.count == 1)
        #expect(call.request.tools.map(\.name) == ["session_status"])
        #expect(call.request.system.contains("Clawhold"))
    }

    @Test("the second turn shows the model the first")
    func history() async throws {
        let models = FakeModels(Self.hello, [.text("again"), .finish("end_turn")])
        let bench = try Bench(models)
        _ = try await bench.run(Bench.turn("t1", "hi"))
        _ = try await bench.run(Bench.turn("t2", "and now?"))
        #expect(models.calls.last?.messages.map { $0.blocks.map(\.text).joined() } == ["hi", "Hello", "and now?"])
    }

    @Test("a tool call is opened, run, closed and shown to the model")
    func tool() async throws {
        let models = FakeModels(
            [.text("Let me look."), .tool(id: "c1", name: "session_status", input: "{}"), .finish("tool_use")],
            [.text("All is well."), .finish("end_turn")]
        )
        let bench = try Bench(models)
        let done = try await bench.run(Bench.turn("t1", "status?"))
        #expect(done.text == "Let me look.\n\nAll is well.")
        #expect(bench.gateway.shownText == done.text)
        #expect(done.usage.input == 20)
        let order = bench.gateway.frames.compactMap { frame -> String? in
            switch frame {
            case .toolOpen(let call): "open \(call.callID) \(call.hasResult)"
            case .toolClose(let call): "close \(call.callID) \(call.result.isError)"
            case .done: "done"
            default: nil
            }
        }
        #expect(order == ["open c1 false", "close c1 false", "done"])
        let second = try #require(models.calls.last?.messages)
        #expect(second.count == 3)
        #expect(second[1].blocks.map(\.toolUse.id) == ["", "c1"])
        #expect(second[2].blocks[0].toolResult.toolUseID == "c1")
        #expect(second[2].blocks[0].toolResult.text.contains("Session: agent:main:main"))
        #expect(
            try bench.transcript().compactMap { $0["message"]?["role"]?.string } == [
                "user", "assistant", "toolResult", "assistant",
            ]
        )
        // The gateway has read DONE before the agent is back from sending it.
        try await eventually { bench.reached.names.withLock { $0.contains("done.after-frame") } }
        let points = bench.reached.names.withLock { $0 }
        for name in [
            "turn.received", "model.before-call", "model.after-call", "tool.before-call", "tool.after-call",
            "transcript.before-write", "transcript.after-write",
        ] {
            #expect(points.contains(name), "\(name)")
        }
    }

    @Test("a turn that is run again after its reply was written makes no model call")
    func replyAgain() async throws {
        let models = FakeModels(
            [.text("A"), .tool(id: "c1", name: "session_status", input: "{}"), .finish("tool_use")],
            [.text("B"), .finish("end_turn")]
        )
        let bench = try Bench(models)
        let first = try await bench.run(Bench.turn("t1", "hi"))
        let again = try Bench(FakeModels(), directory: bench.directory)
        let second = try await again.run(Bench.turn("t1", "hi"))
        #expect(second.text == first.text && second.status == .ok && second.usage == first.usage)
        #expect(second.stopReason == first.stopReason)
        #expect(try again.transcript().count == 5)
    }

    @Test("a turn that is run again after a crash at any byte of the transcript ends with one user entry and one reply")
    func crashAtEveryByte() async throws {
        let bench = try Bench(
            FakeModels(
                [.text("A"), .tool(id: "c1", name: "session_status", input: "{}"), .finish("tool_use")],
                [.text("B\nü"), .finish("end_turn")]
            )
        )
        _ = try await bench.run(Bench.turn("t1", "hi"))
        let name = try #require(bench.directory.names().first { $0.hasSuffix(".jsonl") })
        let whole = try #require(bench.directory.read(name))
        let lines = whole.split(separator: UInt8(ascii: "\n")).map { $0.count + 1 }
        let stored = bench.directory.read("sessions.json") ?? []
        // Every byte of the reply and of the tool's result, and samples of what is above.
        let dense = whole.count - lines.suffix(2).reduce(0, +)
        for length in 0...whole.count where length >= dense || length % 23 == 0 {
            bench.directory.write(name, whole[..<length])
            bench.directory.write("sessions.json", stored)
            // How much survived decides how many model calls are left to make.
            let isReplyThere = length >= whole.count - 1
            let isRoundThere = length >= lines[0] + lines[1] + lines[2] - 1
            let models = FakeModels(
                isRoundThere
                    ? [.text("B\nü"), .finish("end_turn")]
                    : [.text("A"), .tool(id: "c1", name: "session_status", input: "{}"), .finish("tool_use")],
                [.text("B\nü"), .finish("end_turn")]
            )
            let again = try Bench(models, directory: bench.directory)
            let done = try await again.run(Bench.turn("t1", "hi"))
            #expect(done.text == "A\n\nB\nü", "cut at \(length)")
            #expect(models.calls.count == (isReplyThere ? 0 : isRoundThere ? 1 : 2), "cut at \(length)")
            let roles = try again.transcript().compactMap { $0["message"]?["role"]?.string }
            #expect(roles == ["user", "assistant", "toolResult", "assistant"], "cut at \(length)")
        }
    }
}
