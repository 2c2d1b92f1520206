/// A listening socket that the supervisor bound and handed down.
struct EdgeListener: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case tcp
        /// Our Unix socket, whose peers the kernel names.
        case unix
    }

    var descriptor: Int32
    var kind: Kind

    /// The edge's listeners among those of a worker: `http`, `http6`, `rpc`.
    static func among(_ listeners: [String: Int32]) -> [EdgeListener] {
        let tcp = ["http", "http6"].compactMap { listeners[$0] }.map { EdgeListener(descriptor: $0, kind: .tcp) }
        return tcp + [listeners["rpc"]].compactMap(\.self).map { EdgeListener(descriptor: $0, kind: .unix) }
    }
}
