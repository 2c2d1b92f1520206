import Synchronization

@testable import Gateway
@testable import Journal

extension FakeConversations {
    static let item = QueueItem(
        id: .turn("dead"),
        state: .dead,
        channel: "channel:telegram:default",
        at: 1000,
        attempts: 2,
        reason: "it killed its agent",
        text: "hello"
    )

    func queue(_ filter: QueueFilter) async throws(ConversationError) -> QueueList {
        filters.withLock { $0.append(filter) }
        return QueueList(items: [Self.item], counts: [.dead: 1])
    }

    func queueDetail(_ id: QueueID) async throws(ConversationError) -> QueueDetail {
        guard id == Self.item.id else { throw .invalid("there is no \(id)") }
        var detail = QueueDetail(item: Self.item)
        detail.text = "hello world"
        detail.isInDoubt = true
        return detail
    }

    func order(_ order: QueueOrder, _ id: QueueID) async throws(ConversationError) -> QueueItem {
        guard id == Self.item.id else { throw .invalid("there is no \(id)") }
        orders.withLock { $0.append(order) }
        var item = Self.item
        item.state = order == .retry ? .waiting : .dropped
        return item
    }

    func notify(channel: String, _ notice: NewNotice, origin: String) async {}
}
