internal import IPCHub
internal import Journal

/// A parsed message on its way to its verdict; of somebody unknown it waits for what the pairing files say.
struct Stranger: Sendable {
    var message: HubChatMessage
    var event: InboxRow
    /// Everything but the verdict.
    var settling: InboxSettling
}
