internal import Failover
internal import ModelUpstream
internal import Runtime

/// Which call a fragment belongs to.
///
/// By the book the index says so. Seen besides: no index at all, one index for several whole calls with ids of their own, the id
/// and name again in every fragment, an id that stays empty.
struct ChatCallSlots: Sendable {
    private var slots: [(index: Int64?, id: String)] = []

    mutating func take(_ fragment: JSON, into draft: inout AnswerDraft) throws(CallFailure) {
        let index = fragment["index"]?.integer
        let id = fragment["id"]?.string ?? ""
        let function = fragment["function"]
        let name = function?["name"]?.string ?? ""
        let slot: Int
        if let known = known(index: index, id: id, name: name) {
            slot = known
            draft.setName(slot: Int64(slot), name)
            if slots[slot].id.isEmpty { slots[slot].id = id }
        } else {
            slot = slots.count
            try draft.call(slot: Int64(slot), id: id, name: name)
            slots.append((index, id))
        }
        if let text = function?["arguments"]?.string {
            try draft.arguments(slot: Int64(slot), text)
        } else if let object = function?["arguments"], object.object != nil {
            try draft.setArguments(slot: Int64(slot), object.encoded())
        }
    }

    private func known(index: Int64?, id: String, name: String) -> Int? {
        if let index {
            guard let slot = slots.lastIndex(where: { $0.index == index }) else { return nil }
            let isOther = !id.isEmpty && !slots[slot].id.isEmpty && slots[slot].id != id && !name.isEmpty
            return isOther ? slots.lastIndex { $0.id == id } : slot
        }
        if !id.isEmpty { return slots.lastIndex { $0.id == id } }
        return name.isEmpty ? slots.indices.last : nil
    }
}
