internal import IPCControl
internal import IPCHub

/// Who may have a connection: a pure decision over HELLO.
struct HelloCheck {
    let key: [UInt8]
    let build: String
    /// The highest incarnation that each worker ever said HELLO with.
    private(set) var highest: [String: UInt64] = [:]

    init(key: [UInt8], build: String) {
        self.key = key
        self.build = build
    }

    enum Verdict: Equatable {
        case control
        /// Opens a stream to this worker.
        case opens(stream: String, target: String)
        /// Serves a stream that somebody opened to it.
        case serves(stream: String)
        case refused(HubGoodbye.Reason, String)
    }

    mutating func check(_ hello: HubHello) -> Verdict {
        guard let worker = WorkerID(hello.worker), worker.kind != .gateway,
            HubToken.isValid([UInt8](hello.token), key: key, worker: worker, incarnation: hello.incarnation)
        else { return .refused(.refused, "the token is not the one of this worker and incarnation") }
        // Another build of the same language is served until the supervisor replaces it; see `Build.hub`.
        guard Build.canTalk(hello.build, build) else {
            return .refused(.build, "the gateway is \(build), this is \(hello.build.prefix(64))")
        }
        if let known = highest[hello.worker], known > hello.incarnation {
            return .refused(.superseded, "incarnation \(known) is there")
        }
        highest[hello.worker] = hello.incarnation
        guard !hello.stream.isEmpty else { return .control }
        guard hello.stream.utf8.count <= 64 else { return .refused(.refused, "the stream's name is too long") }
        guard !hello.target.isEmpty else { return .serves(stream: hello.stream) }
        guard !hello.stream.hasPrefix(GatewayStream.prefix) else {
            return .refused(.refused, "streams with this name are the gateway's own")
        }
        // Models answer turns; files travel between channels and agents, whichever of them wants one.
        switch (worker.kind, WorkerID(hello.target)?.kind) {
        case (.agent, .model), (.agent, .channel), (.channel, .agent): break
        default:
            return .refused(.refused, "\(worker.kind.rawValue) workers open no stream to \(hello.target.prefix(96))")
        }
        return .opens(stream: hello.stream, target: hello.target)
    }
}
