internal import IPCHub
internal import Synchronization

/// The gateway's questions to a channel: so many at a time, each with a limit on its time and its answer.
final class ChannelQuestions: Sendable {
    /// Questions that are being answered; more are refused at once.
    static let limit = 8
    /// Most bytes of an answer.
    static let answerBytes = 1024 * 1024
    private let network: any ChannelNetwork
    private let timeLimit: Duration
    private let running = Mutex(0)

    init(network: any ChannelNetwork, timeLimit: Duration = .seconds(30)) {
        self.network = network
        self.timeLimit = timeLimit
    }

    /// Answers in a task of its own, which ends with the answer or at the time limit.
    func answer(_ request: HubRequest, on link: HubLink) {
        let isTaken = running.withLock { running in
            guard running < Self.limit else { return false }
            running += 1
            return true
        }
        Task {
            guard isTaken else {
                return await link.respond(to: request.id, error: "the channel answers \(Self.limit) questions already")
            }
            switch await self.answer(request) {
            case .success(let payload): await link.respond(to: request.id, payload: payload)
            case .failure(let refusal): await link.respond(to: request.id, error: refusal.description)
            }
            self.running.withLock { $0 -= 1 }
        }
    }

    private func answer(_ request: HubRequest) async -> Result<[UInt8], ChannelRefusal> {
        let method = String(request.method.prefix(64))
        let params = Array(request.params)
        return await withTaskGroup(of: Result<[UInt8], ChannelRefusal>.self) { group in
            group.addTask {
                guard let answer = await self.network.answer(method: method, params: params) else {
                    return .failure(ChannelRefusal(description: "this channel knows no method \(method)"))
                }
                guard answer.count <= Self.answerBytes else {
                    return .failure(ChannelRefusal(description: "the answer to \(method) is too long"))
                }
                return .success(answer)
            }
            group.addTask {
                try? await Task.sleep(for: self.timeLimit)  // cancelled: the answer is there
                return .failure(ChannelRefusal(description: "no answer to \(method) within \(self.timeLimit)"))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(ChannelRefusal(description: "nobody answered \(method)"))
        }
    }
}
