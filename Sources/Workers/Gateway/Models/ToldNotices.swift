/// Which conversation was told what in front of an answer: once each, and again only for the same turn's next attempt.
struct ToldNotices {
    /// Conversations that are remembered; after so many it begins anew.
    static let most = 2000

    private var told: [String: (notice: String, turn: String)] = [:]

    mutating func isNew(_ notice: String, in lane: String, turn: String) -> Bool {
        if let last = told[lane], last.notice == notice { return last.turn == turn }
        if told.count >= Self.most { told = [:] }
        told[lane] = (notice, turn)
        return true
    }
}
