internal import Synchronization

/// The delivery of an attempt, once there is an answer to deliver.
final class RelaySlot: Sendable {
    private let slot = Mutex<RelayDelivery?>(nil)

    var delivery: RelayDelivery? { slot.withLock { $0 } }

    func set(_ delivery: RelayDelivery) { slot.withLock { $0 = delivery } }
}
