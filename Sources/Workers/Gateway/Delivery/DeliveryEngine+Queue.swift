internal import FoundationEssentials
internal import IPCHub
package import Journal
internal import SwiftProtobuf

extension DeliveryEngine {
    package func queue(_ filter: QueueFilter) async throws(ConversationError) -> QueueList {
        try await read { journal throws(JournalError) in
            QueueList(items: try journal.queueItems(filter), counts: try journal.queueCounts())
        }
    }

    package func queueDetail(_ id: QueueID) async throws(ConversationError) -> QueueDetail {
        let found = try await read { journal throws(JournalError) in try journal.queueDetail(id) }
        guard var detail = found else { throw .invalid("there is no \(id), or it has ended well") }
        switch id {
        case .outbox: break
        // Written by this program; what cannot be read back has no words to show.
        case .turn: detail.text = (try? HubChatMessage(serializedBytes: detail.body))?.text ?? ""
        case .inbox: detail.text = String(decoding: detail.body.prefix(16 * 1024), as: UTF8.self)
        }
        detail.text = String(detail.text.prefix(64 * 1024))
        return detail
    }

    package func order(_ order: QueueOrder, _ id: QueueID) async throws(ConversationError) -> QueueItem {
        try await ask { engine, continuation in engine.order(order, id, continuation) }.get()
    }

    package func notify(channel: String, _ notice: NewNotice, origin: String) async {
        // The loop lives as long as the process.
        try? await onLoop { $0.apply(.notify(channel: channel, notice, origin: origin)) }
    }

    func read<Value: Sendable>(
        _ question: @escaping @Sendable (any DeliveryJournal) throws(JournalError) -> Value
    ) async throws(ConversationError) -> Value {
        do {
            return try await writer.commit(.relaxed, question)
        } catch {
            throw .unavailable("The journal does not answer: \(error).")
        }
    }
}
