internal import IPCHub
internal import Runtime
internal import Synchronization

/// Ties the knot between desk and link, each of which needs the other: set once, before the link runs.
final class LinkSlot: Sendable {
    let link = Mutex<HubLink?>(nil)
    let desk = Mutex<AgentDesk?>(nil)
    let door = Mutex<GatewayDoor?>(nil)

    /// False when there is no link.
    func send(_ message: HubMessage) async -> Bool {
        guard let link = link.withLock({ $0 }) else { return false }
        return await link.send(message)
    }

    func respond(_ answer: AgentQuestions.Answer) async {
        guard let link = link.withLock({ $0 }) else { return }
        switch answer.result {
        case .success(let bytes): await link.respond(to: answer.id, payload: bytes)
        case .failure(let error): await link.respond(to: answer.id, error: error.description)
        }
    }
}
