internal import IPCHub

/// Who opened a stream and waits for its other end. On the hub's event loop.
protocol StreamOpener: AnyObject {
    /// The worker at the other end has come.
    func join(_ peer: LinkHandler)
    /// It will not come, and why.
    func dismiss(_ reason: HubGoodbye.Reason, _ text: String)
}
