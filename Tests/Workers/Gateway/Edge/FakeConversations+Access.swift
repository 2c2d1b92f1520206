@testable import Gateway
@testable import Journal

extension FakeConversations {
    static let request = PairingRequest(
        id: "7",
        code: "ABCDEFGH",
        createdAt: 1_700_000_000_000,
        lastSeenAt: 1_700_000_000_500,
        meta: ["username": "ann", PairingRequest.targetKey: "00"]
    )

    func pairingRequests(channel: String?) async throws(ConversationError) -> [PendingPairing] {
        guard channel == nil || channel == "telegram" else { throw .invalid("no channel") }
        return [PendingPairing(channel: "telegram", request: Self.request)]
    }

    func approvePairing(
        channel: String,
        code: String,
        notify: Bool
    ) async throws(ConversationError) -> PairingApproval? {
        code == Self.request.code ? PairingApproval(id: "7", isNotified: notify) : nil
    }

    func why(channel: String?, account: String?, limit: Int) async throws(ConversationError) -> WhyReport {
        var report = WhyReport()
        var note = IgnoredNote(code: "no-mention", reason: "the bot was not mentioned")
        note.sender = "7"
        note.admit = "channels.telegram.groups.\"-100\".requireMention: false"
        report.items = [IgnoredItem(channel: "channel:telegram:default", note: note, count: 3, at: 5)]
        report.counts = ["no-mention": 3, "bot": 9]
        return report
    }
}
