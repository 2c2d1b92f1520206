internal import NIOCore
internal import Synchronization

/// How many bytes of calls a model worker holds at once. What does not fit waits a while; what waits too long is sent away
/// before the kernel decides whom to kill.
final class Admission: Sendable {
    /// Held for each call besides what it brings: connection, decoder, what is on its way to the agent.
    static let callBytes = 128 * 1024
    /// Of a worker whose hard limit is 64 MB at least and that holds a picture as bytes and as base64.
    static let defaultBudget = 24 * 1024 * 1024

    /// What one call holds.
    final class Ticket: Sendable {
        fileprivate let bytes = Mutex(0)
    }

    let budget: Int
    private let patience: Duration
    private let loop: any EventLoop
    private let state = Mutex(State())

    private struct State {
        var reserved = 0
        var next: UInt64 = 0
        /// In the order in which they came.
        var waiting: [(id: UInt64, bytes: Int, ticket: Ticket, gate: Gate)] = []
    }

    init(budget: Int = defaultBudget, patience: Duration = .seconds(5), on loop: any EventLoop) {
        self.budget = budget
        self.patience = patience
        self.loop = loop
    }

    /// Bytes held, and calls that wait.
    var load: (reserved: Int, waiting: Int) { state.withLock { ($0.reserved, $0.waiting.count) } }

    /// Adds `bytes` to what `ticket` holds if there is room now and nobody waits for it.
    func take(_ bytes: Int, for ticket: Ticket) -> Bool {
        state.withLock { state in state.waiting.isEmpty && take(bytes, ticket, &state) }
    }

    /// Adds `bytes` to what `ticket` holds, once there is room; false when there was none for as long as patience lasts.
    /// A call alone may hold more than the budget: it could never be answered otherwise.
    func reserve(_ bytes: Int, for ticket: Ticket) async -> Bool {
        let entry = state.withLock { state -> (id: UInt64, gate: Gate)? in
            if state.waiting.isEmpty, take(bytes, ticket, &state) { return nil }
            state.next += 1
            let gate = Gate(on: loop)
            state.waiting.append((state.next, bytes, ticket, gate))
            return (state.next, gate)
        }
        guard let entry else { return true }
        _ = await entry.gate.opens(within: patience)
        return state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.id == entry.id }) else { return true }
            state.waiting.remove(at: index)
            admit(&state)
            return false
        }
    }

    /// The call is over.
    func release(_ ticket: Ticket) {
        state.withLock { state in
            let held = ticket.bytes.withLock { bytes in
                defer { bytes = 0 }
                return bytes
            }
            state.reserved -= held
            admit(&state)
        }
    }

    private func take(_ bytes: Int, _ ticket: Ticket, _ state: inout State) -> Bool {
        ticket.bytes.withLock { held in
            guard state.reserved + bytes <= budget || state.reserved == held else { return false }
            state.reserved += bytes
            held += bytes
            return true
        }
    }

    /// Lets in who waits, in order.
    private func admit(_ state: inout State) {
        while let first = state.waiting.first, take(first.bytes, first.ticket, &state) {
            state.waiting.removeFirst()
            first.gate.open()
        }
    }
}
