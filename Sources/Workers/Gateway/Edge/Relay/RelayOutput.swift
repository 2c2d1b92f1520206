internal import FoundationEssentials

/// Where the answer to a relayed request goes: the client's connection. On the edge's event loop.
protocol RelayOutput: AnyObject {
    /// False: enough waits for the client; `RelayExchange.resume` is called when it has read.
    var isWritable: Bool { get }
    func head(status: Int, headers: [(name: String, value: String)])
    func body(_ bytes: Data)
    func end()
    /// The body is not whole and the client must see that: the connection ends without its end.
    func cut()
}
