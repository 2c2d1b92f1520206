internal import FoundationEssentials

/// Where the answer to a relayed request goes: the client's connection. On the edge's event loop.
protocol RelayOutput: AnyObject {
    /// False: enough waits for the client; `RelayExchange.resume` is called when it has read.
    var isWritable: Bool { get }
    func head(status: Int, headers: [(name: String, value: String)], framing: RelayFraming)
    /// Leaves with `flush`, `end` or `cut`.
    func body(_ bytes: Data)
    func flush()
    func end()
    /// The body is not whole and the client must see that: the connection ends without its end.
    func cut()
}

/// How the body of an answer travels.
enum RelayFraming: Equatable {
    /// All of it is in hand: so many bytes.
    case whole(Int)
    /// One piece whose end is not there yet.
    case pieces
    /// A stream of events; the connection ends with it.
    case events
}
