package import IPCHub
package import NIOCore
internal import Synchronization

/// The gateway's questions to a worker: so many at a time, each with a limit on its time and its answer.
package final class WorkerQuestions: Sendable {
    /// Questions that are being answered; more are refused at once.
    static let limit = 8
    /// Most bytes of an answer.
    static let answerBytes = 1024 * 1024
    private let who: String
    private let answer: @Sendable (String, [UInt8]) async -> [UInt8]?
    private let loop: any EventLoop
    private let timeLimit: Duration
    private let running = Mutex(0)

    /// - Parameters:
    ///   - who: what the worker is called in refusals: "channel".
    ///   - loop: for the time limit's timer.
    ///   - answer: given method and parameters; nil when it knows no such method.
    package init(
        who: String,
        loop: any EventLoop,
        timeLimit: Duration = .seconds(30),
        answer: @escaping @Sendable (String, [UInt8]) async -> [UInt8]?
    ) {
        self.who = who
        self.loop = loop
        self.timeLimit = timeLimit
        self.answer = answer
    }

    /// Answers in a task of its own, which ends with the answer or at the time limit.
    package func answer(_ request: HubRequest, on link: HubLink) {
        let isTaken = running.withLock { running in
            guard running < Self.limit else { return false }
            running += 1
            return true
        }
        Task {
            guard isTaken else {
                return await link.respond(to: request.id, error: "the \(who) answers \(Self.limit) questions already")
            }
            switch await self.answer(request) {
            case .success(let payload): await link.respond(to: request.id, payload: payload)
            case .failure(let refusal): await link.respond(to: request.id, error: refusal.description)
            }
            self.running.withLock { $0 -= 1 }
        }
    }

    private struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    private func answer(_ request: HubRequest) async -> Result<[UInt8], Refusal> {
        let method = String(request.method.prefix(64))
        let params = Array(request.params)
        do {
            let found = try await TimeLimit.run(timeLimit, on: loop) { [answer] in await answer(method, params) }
            guard let found else { return .failure(Refusal(description: "this \(who) knows no method \(method)")) }
            guard found.count <= Self.answerBytes else {
                return .failure(Refusal(description: "the answer to \(method) is too long"))
            }
            return .success(found)
        } catch {
            return .failure(Refusal(description: "no answer to \(method) within \(timeLimit)"))
        }
    }
}
