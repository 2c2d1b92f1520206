package import Journal

/// What the methods about access ask of the engine.
package protocol AccessDesk: Sendable {
    /// Strangers who wait for the owner's word, oldest first; of one channel, or of all.
    func pairingRequests(channel: String?) async throws(ConversationError) -> [PendingPairing]

    /// Lets somebody in, at once and for good. Nil: no such code waits. `notify`: he is told in the chat.
    func approvePairing(
        channel: String,
        code: String,
        notify: Bool
    ) async throws(ConversationError) -> PairingApproval?

    /// Messages that started no turn, newest first; of one channel or account, or of all.
    func why(channel: String?, account: String?, limit: Int) async throws(ConversationError) -> WhyReport
}

/// A stranger who waits.
package struct PendingPairing: Sendable, Equatable {
    /// `telegram`.
    package var channel: String
    package var request: PairingRequest

    package init(channel: String, request: PairingRequest) {
        self.channel = channel
        self.request = request
    }
}

/// Somebody who was let in.
package struct PairingApproval: Sendable, Equatable {
    package var id: String
    /// He is told; without a place to reach him he is not.
    package var isNotified: Bool

    package init(id: String, isNotified: Bool) {
        self.id = id
        self.isNotified = isNotified
    }
}

/// Who got no answer, and what stands in the way of the next one.
package struct WhyReport: Sendable, Equatable {
    package var items: [IgnoredItem] = []
    /// By rule, as far as it is remembered.
    package var counts: [String: Int] = [:]
    package var channels: [WhyChannel] = []

    package init() {}
}

/// One account as it is now.
package struct WhyChannel: Sendable, Equatable {
    package var channel: String
    package var account: String
    package var isConnected = false
    /// Why not; empty when nothing is known.
    package var error = ""
    /// What the network keeps from the bot, and where to click.
    package var warnings: [String] = []
    /// Who is admitted, in words.
    package var policies: [String] = []

    package init(channel: String, account: String) {
        self.channel = channel
        self.account = account
    }
}
