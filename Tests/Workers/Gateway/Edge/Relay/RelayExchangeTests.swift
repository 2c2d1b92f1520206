import Config
import FoundationEssentials
import IPCHub
import NIOCore
import NIOEmbedded
import Runtime
import SwiftProtobuf
import Testing

@testable import Gateway

@Suite("A relayed request")
struct RelayExchangeTests {
    @Test("the body goes to the worker of its model as it is, in pieces, as fast as that one reads; so does the answer")
    func whole() throws {
        let bench = try RelayBench()
        let long = String(repeating: "x", count: 600_000)
        let body = #"{"model":"ONE/a/b","x":"\#(long)"}"#
        try bench.ask(
            body,
            headers: [("Anthropic-Beta", "b-1"), ("Authorization", "Bearer secret"), ("x-other", "1")]
        )
        let worker = try bench.come("model:one")
        let heard = try worker.heard()
        guard case .relayRequest(let request)? = heard.dropFirst().first else {
            return #expect(Bool(false), "\(heard)")
        }
        #expect(request.path == "/v1/chat/completions" && request.model == "a/b" && request.attemptsLeft == 6)
        #expect(request.headers.map(\.name) == ["anthropic-beta"] && request.caller.runID == "relay-1")
        #expect(request.caller.purpose == "relay" && request.timeLeftMs == 600_000)
        let pieces = heard.compactMap { if case .mediaChunk(let chunk) = $0 { chunk.data } else { nil } }
        #expect(pieces.count == 3 && Array(pieces.joined()) == Array(body.utf8))
        #expect(heard.last?.type == 58)
        try worker.say(status: 200)
        try worker.say("data: 1\n\n")
        try worker.say("data: 2\n\n")
        #expect(bench.exchange?.held == 0, "the body is not needed any more")
        try worker.finish()
        #expect(bench.status == 200 && bench.text == "data: 1\n\ndata: 2\n\n" && bench.ending == "whole")
        #expect(bench.headers["x-clawhold-model"] == "one/a/b")
        #expect(worker.channel.isActive, "it waits for the next request")
    }

    @Test("a small body goes along with its request; an answer that is there at once is told with its length")
    func small() throws {
        let bench = try RelayBench()
        let limit = RelayExchange.smallBody
        for (count, types) in [(limit, [2, 68, 58]), (limit + 1, [2, 68, 57, 58])] as [(Int, [UInt8])] {
            let bench = try RelayBench()
            let start = #"{"model":"one/m","x":""#
            let body = start + String(repeating: "x", count: count - start.utf8.count - 2) + #""}"#
            try bench.ask(body)
            let heard = try bench.come("model:one").heard()
            guard heard.count > 1, case .relayRequest(let request) = heard[1] else {
                return #expect(Bool(false), "\(heard)")
            }
            #expect(heard.map(\.type) == types && request.body.count == (count > limit ? 0 : count))
        }
        try bench.ask()
        let worker = try bench.come("model:one")
        let head = HubRelayHead.with { $0.status = 200 }
        try worker.say(
            .relayHead(head),
            .mediaChunk(.with { $0.data = Data("{\"a\"".utf8) }),
            .mediaChunk(.with { $0.data = Data(":1}".utf8) }),
            .mediaEnd(HubMediaEnd())
        )
        #expect(bench.framing == .whole(7) && bench.text == #"{"a":1}"# && bench.ending == "whole")
        #expect(worker.channel.isActive, "it waits for the next request")
    }

    @Test("an answer in one piece whose end is not there yet goes on as it comes, and is cut when that is bad")
    func pieces() throws {
        let bench = try RelayBench()
        try bench.ask()
        let worker = try bench.come("model:one")
        let head = HubRelayHead.with { $0.status = 200 }
        try worker.say(.relayHead(head), .mediaChunk(.with { $0.data = Data("{".utf8) }))
        #expect(bench.framing == .pieces && bench.text == "{" && bench.flushes == 1)
        try worker.say("}")
        #expect(bench.text == "{}" && bench.flushes == 2)
        try worker.finish()
        #expect(bench.ending == "whole")
        let bad = try RelayBench()
        try bad.ask()
        let other = try bad.come("model:one")
        try other.say(
            .relayHead(head),
            .mediaChunk(.with { $0.data = Data("{".utf8) }),
            .mediaEnd(.with { $0.error = "it broke" })
        )
        #expect(bad.framing == .pieces && bad.text == "{" && bad.ending == "cut")
    }

    @Test("events that are read together leave together, at once")
    func flushed() throws {
        let bench = try RelayBench()
        try bench.ask()
        let worker = try bench.come("model:one")
        try worker.say(status: 200)
        #expect(bench.framing == .events && bench.flushes == 1)
        let event = HubMessage.mediaChunk(.with { $0.data = Data("data: 1\n\n".utf8) })
        try worker.say(event, event)
        #expect(bench.text == "data: 1\n\ndata: 1\n\n" && bench.flushes == 2)
    }

    @Test("a worker that does not read is not sent the body; it goes when that one reads again")
    func slowWorker() throws {
        let bench = try RelayBench()
        try bench.ask(#"{"model":"one/m","x":"\#(String(repeating: "x", count: 2_000_000))"}"#)
        let slow = try bench.come("model:one") { $0.isWritable = false }
        #expect(try slow.heard().map(\.type) == [2, 68])
        slow.channel.isWritable = true
        slow.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try slow.heard().last?.type == 58)
    }

    @Test("a client that does not read leaves the answer in the worker's socket")
    func slowClient() throws {
        let bench = try RelayBench()
        try bench.ask()
        let worker = try bench.come("model:one")
        try worker.say(status: 200)
        let before = worker.reads.count
        worker.channel.read()
        #expect(worker.reads.count == before + 1)
        bench.isWritable = false
        try worker.say("data: 1\n\n")
        worker.channel.read()
        worker.channel.read()
        #expect(worker.reads.count == before + 1, "nothing more is read")
        bench.isWritable = true
        bench.exchange?.resume()
        #expect(worker.reads.count == before + 2)
        try worker.say("data: 2\n\n")
        #expect(bench.text == "data: 1\n\ndata: 2\n\n")
    }

    @Test("until an answer begins a fallback may give it, with the attempts that are left; the client is told who did")
    func fallback() throws {
        let bench = try RelayBench()
        try bench.ask(fallbacks: ["one/m", "two/n"])
        let first = try bench.come("model:one")
        try first.say(status: 429, type: "application/json", tryNext: true, attempts: 2)
        try first.say("{}")
        #expect(bench.status == 0)
        try first.finish()
        let second = try bench.come("model:two")
        guard case .relayRequest(let request)? = try second.heard().dropFirst().first else {
            return #expect(Bool(false))
        }
        #expect(request.model == "n" && request.attemptsLeft == 4)
        try second.say(status: 200)
        try second.say("data: x\n\n")
        try second.finish()
        #expect(bench.status == 200 && bench.text == "data: x\n\n" && bench.headers["x-clawhold-model"] == "two/n")
    }

    @Test("when nobody answers the client reads what the model that it named said")
    func refusal() throws {
        let bench = try RelayBench()
        try bench.ask(fallbacks: ["two/n"])
        let first = try bench.come("model:one")
        try first.say(status: 429, type: "application/json", tryNext: true)
        try first.say(#"{"error":"mine"}"#)
        try first.finish()
        let second = try bench.come("model:two")
        try second.say(status: 400, type: "application/json")
        try second.say(#"{"error":"another dialect"}"#)
        #expect(bench.status == 0)
        try second.finish()
        #expect(bench.status == 429 && bench.text == #"{"error":"mine"}"# && bench.ending == "whole")
        #expect(bench.headers["content-type"] == "application/json")
    }

    @Test("a worker that dies before it answers is passed over; when all did the client reads so in its dialect")
    func deaths() throws {
        let bench = try RelayBench()
        try bench.ask(format: "/v1/messages", fallbacks: ["two/n"])
        try bench.come("model:one").channel.close().wait()
        try bench.come("model:two").finish()
        let error = try JSON(parsing: Array(bench.text.utf8))
        #expect(bench.status == 503 && error["type"] == "error" && error["error"]?["type"] == "api_error")
        let words = error["error"]?["message"]?.string ?? ""
        #expect(
            words.contains("one/m: it went away") && words.contains("two/n: it sent a frame of type 58"),
            "\(words)"
        )
    }

    @Test(
        "the next request goes over the same connection; when its worker is gone unnoticed, over a fresh one, uncounted"
    )
    func reuse() throws {
        let bench = try RelayBench()
        try bench.ask()
        let first = try bench.come("model:one")
        _ = try first.heard()
        try first.say(status: 200)
        try first.finish()
        #expect(bench.ending == "whole")
        let again = try RelayBench.second(bench)
        #expect(try first.heard().map(\.type) == [68, 58])
        try first.channel.close().wait()
        let fresh = try bench.come("model:one")
        let heard = try fresh.heard()
        guard case .relayRequest(let request)? = heard.dropFirst().first else {
            return #expect(Bool(false), "\(heard)")
        }
        #expect(request.attemptsLeft == 6)
        try fresh.say(status: 200)
        try fresh.say("data: 2\n\n")
        try fresh.finish()
        #expect(again.status == 200 && again.text == "data: 2\n\n" && again.ending == "whole")
    }

    @Test("a worker without room is an overload, in the client's dialect")
    func shed() throws {
        let bench = try RelayBench()
        try bench.ask(format: "/v1/messages")
        let worker = try bench.come("model:one")
        try worker.say(status: 503, tryNext: true, attempts: 0)
        try worker.finish()
        let error = try JSON(parsing: Array(bench.text.utf8))
        #expect(bench.status == 503 && error["error"]?["type"] == "overloaded_error", "\(bench.text)")
    }

    @Test(
        "a worker that dies in the middle: a stream ends with an error that clients know, anything else without its end",
        arguments: ["/v1/chat/completions", "/v1/responses", "/v1/messages"]
    )
    func middle(format: String) throws {
        let bench = try RelayBench()
        try bench.ask(format: format, fallbacks: ["two/n"])
        let worker = try bench.come("model:one")
        try worker.say(status: 200)
        try worker.say("data: 1\n\n")
        try worker.channel.close().wait()
        #expect(bench.ending == "whole" && bench.text.hasPrefix("data: 1\n\n") && bench.text.hasSuffix("\n\n"))
        let last = bench.text.dropFirst("data: 1\n\n".count)
        #expect(last.contains("broke off: it went away"), "\(last)")
        #expect(last.hasPrefix("event: error\ndata: ") == (format != "/v1/chat/completions"))
        let whole = try RelayBench()
        try whole.ask(format: format)
        let other = try whole.come("model:one")
        try other.say(status: 200, type: "application/json")
        try other.say("{")
        try other.channel.close().wait()
        #expect(whole.ending == "cut" && whole.text == "{")
    }

    @Test("a client that leaves ends the worker's stream, whether that came already or not, and hears nothing more")
    func abandoned() throws {
        let bench = try RelayBench()
        try bench.ask(fallbacks: ["two/n"])
        let worker = try bench.come("model:one")
        bench.exchange?.abandon()
        bench.loop.run()
        #expect(!worker.channel.isActive && bench.status == 0 && bench.ending.isEmpty)
        let early = try RelayBench()
        try early.ask()
        early.exchange?.abandon()
        let late = try early.come("model:one")
        let heard = try late.heard()
        guard case .goodbye(let goodbye)? = heard.first else { return #expect(Bool(false), "\(heard)") }
        #expect(goodbye.reason == .unavailable && heard.count == 1)
    }

    @Test("time and attempts are bounded over all models together")
    func bounds() throws {
        let late = try RelayBench()
        try late.ask(fallbacks: ["two/n"])
        late.clock.now += RelayExchange.timeLimit
        try late.come("model:one").channel.close().wait()
        #expect(late.status == 503 && !late.text.contains("two/n"))
        let spent = try RelayBench()
        try spent.ask(fallbacks: ["two/n"])
        let worker = try spent.come("model:one")
        try worker.say(status: 500, tryNext: true, attempts: 6)
        try worker.say("{}")
        try worker.finish()
        #expect(spent.status == 500 && spent.ending == "whole")
    }

    @Test(
        "a body without a model of ours is refused, and nobody is asked",
        arguments: [
            ("{", 400), ("[]", 400), ("{}", 400), (#"{"model":1}"#, 400), (#"{"model":"m"}"#, 404),
            (#"{"model":"one/"}"#, 404), (#"{"model":"nobody/m"}"#, 404), (#"{"model":"demo/m"}"#, 404),
        ]
    )
    func nobody(body: String, status: Int) throws {
        let bench = try RelayBench()
        try bench.ask(body)
        #expect(bench.status == status && bench.text.contains("provider/model") && bench.ending == "whole")
        #expect(bench.workers.events.wanted.isEmpty)
    }

    @Test("a day's limit holds here too, for fallbacks as well")
    func spent() throws {
        let bench = try RelayBench()
        bench.workers.objections = ["one/m": "Today's budget is spent"]
        try bench.ask()
        #expect(
            bench.status == 402 && bench.text.contains("Today's budget is spent")
                && bench.text.contains("insufficient_quota")
        )
        let other = try RelayBench()
        other.workers.objections = ["two/n": "Today's budget is spent"]
        try other.ask(fallbacks: ["two/n"])
        try other.come("model:one").channel.close().wait()
        #expect(other.status == 503 && !other.text.contains("two/n"))
    }

    @Test("what a worker may not say ends its part, before and behind the head")
    func nonsense() throws {
        for frame in [
            HubMessage.mediaChunk(.with { $0.data = Data([1]) }), .modelRequestEnd(.init()),
            .relayHead(.with { $0.status = 7 }),
        ] {
            let bench = try RelayBench()
            try bench.ask()
            try bench.come("model:one").say(frame)
            #expect(bench.status == 503 && bench.ending == "whole", "\(frame)")
        }
        let twice = try RelayBench()
        try twice.ask()
        let worker = try twice.come("model:one")
        try worker.say(status: 200)
        try worker.say(status: 200)
        #expect(twice.ending == "whole" && twice.text.contains("broke off"))
        let endless = try RelayBench()
        try endless.ask()
        let other = try endless.come("model:one")
        try other.say(status: 500, tryNext: true)
        try other.say(String(repeating: "x", count: RelayExchange.errorBytes + 1))
        #expect(endless.status == 503 && endless.text.utf8.count < 1000)
    }

    @Test("a body beyond the bound is refused as it comes")
    func long() throws {
        let bench = try RelayBench()
        try bench.ask(String(repeating: "x", count: RelayCall.bodyLimit + 1))
        #expect(bench.status == 413 && bench.exchange?.held == 0 && bench.text.contains("26 MiB"))
    }
}
