/// Groups that became supergroups while this worker ran: where their answers go now.
struct Moves {
    static let limit = 256
    private var chats: [Int64: Int64] = [:]

    subscript(chat: Int64) -> Int64 { chats[chat] ?? chat }

    mutating func add(_ old: Int64, to new: Int64) {
        guard old != new else { return }
        if chats.count >= Self.limit { chats = [:] }
        chats[old] = new
    }
}
