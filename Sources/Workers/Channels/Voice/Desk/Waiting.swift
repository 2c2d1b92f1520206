internal import Synchronization

/// Whether something that others wait for is over.
final class Waiting: Sendable {
    private let state = Atomic<Bool>(false)

    var isOver: Bool { state.load(ordering: .acquiring) }

    func end() { state.store(true, ordering: .releasing) }
}
