internal import IPCControl
internal import IPCHub

/// What the hub tells the engine. Called on the event loop.
protocol HubEvents: AnyObject {
    /// A worker's HELLO was accepted; the engine sends WELCOME when it is ready for it.
    func linked(worker: String, link: Int, hello: HubHello)
    func unlinked(worker: String, link: Int)
    func received(worker: String, link: Int, message: HubMessage)
    /// A stream wants a worker that has no link.
    func wanted(worker: String)
    /// Why a worker will not come, in words; nil while it may.
    func absence(of worker: String) -> String?
    /// Whether the incarnation that this worker's link belongs to takes nothing new: the next one will.
    func isLeaving(_ worker: String) -> Bool
    /// For the operator.
    func hubWarning(_ text: String)
}
