/// The parts of an HTTP request that count here.
struct HTTPQuestion: Sendable, Equatable {
    var method: String
    /// Without the query; percent-encoding left alone, since no path of ours needs it.
    var path: String
    /// With its question mark, or empty.
    var query: String
    /// The value of `Authorization: Bearer …`.
    var bearer: String?
    var peer: ClientPeer

    init(method: String, target: String, bearer: String? = nil, peer: ClientPeer) {
        self.method = method
        path = String(target.prefix { $0 != "?" && $0 != "#" })
        query = String(target.dropFirst(path.count).prefix { $0 != "#" })
        self.bearer = bearer
        self.peer = peer
    }
}
