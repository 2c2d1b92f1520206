import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway

@Suite("questions")
struct QuestionTests {
    private func ask(_ bench: Bench, _ token: Int = 1) {
        bench.apply(.question(token: token, worker: Bench.agent, method: "history", params: Array("{}".utf8)))
    }

    private func part(_ id: UInt64, _ text: String, last: Bool = false, error: String = "") -> HubMessage {
        .response(
            .with {
                $0.id = id
                $0.payload = Data(text.utf8)
                $0.last = last
                $0.error = error
            }
        )
    }

    private func asked(_ bench: Bench, _ link: Int) -> [HubRequest] {
        bench.take(link).compactMap { if case .request(let request) = $0 { request } else { nil } }
    }

    @Test("an agent is started to be asked, and its answer comes in parts")
    func parts() throws {
        let bench = try Bench()
        ask(bench)
        #expect(bench.starts == [Bench.agent])
        let agent = bench.link(Bench.agent)
        let request = try #require(asked(bench, agent).first)
        #expect(request.method == "history")
        bench.receive(Bench.agent, agent, part(request.id, "{\"a\""))
        #expect(bench.answers[1] == nil)
        bench.receive(Bench.agent, agent, part(request.id, ":1}", last: true))
        #expect(bench.answers[1] == .success(Array("{\"a\":1}".utf8)))
    }

    @Test("an answer of a worker that was not asked is nobody's")
    func foreignAnswer() throws {
        let bench = try Bench()
        let agent = bench.link(Bench.agent)
        let model = bench.link("model:anthropic")
        ask(bench)
        let request = try #require(asked(bench, agent).first)
        bench.receive("model:anthropic", model, part(request.id, "lies", last: true))
        #expect(bench.answers[1] == nil)
    }

    @Test("a question ends in words when its agent dies, errs, is late, says too much, or when too many wait")
    func failures() throws {
        var limits = DeliveryLimits()
        limits.questions = 2
        limits.answerBytes = 4
        let bench = try Bench(limits: limits)
        func text(_ token: Int) -> String? {
            if case .failure(.unavailable(let text))? = bench.answers[token] { text } else { nil }
        }
        ask(bench, 1)
        ask(bench, 2)
        ask(bench, 3)
        #expect(text(3)?.contains("too many questions") == true)
        let agent = bench.link(Bench.agent)
        let requests = asked(bench, agent)
        bench.receive(Bench.agent, agent, part(requests[0].id, "", last: true, error: "disk on fire"))
        #expect(text(1) == "disk on fire")
        bench.receive(Bench.agent, agent, part(requests[1].id, "12345"))
        #expect(text(2)?.contains("too long") == true)
        ask(bench, 4)
        bench.unlink(Bench.agent, agent)
        #expect(text(4)?.contains("ended before it could answer") == true)
        ask(bench, 5)
        bench.advance(15_000)
        #expect(text(5)?.contains("did not answer in time") == true)
    }

    @Test("a worker's own question is answered with an error, not with silence")
    func fromWorker() throws {
        let bench = try Bench()
        let agent = bench.link(Bench.agent)
        _ = bench.take(agent)
        bench.receive(
            Bench.agent,
            agent,
            .request(
                .with {
                    $0.id = 5
                    $0.method = "secrets"
                }
            )
        )
        guard case .response(let response)? = bench.take(agent).first else { return #expect(Bool(false)) }
        #expect(response.id == 5)
        #expect(response.last)
        #expect(response.error == "the gateway knows no method secrets")
    }
}
