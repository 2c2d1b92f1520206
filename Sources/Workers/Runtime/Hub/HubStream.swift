internal import FoundationEssentials
package import IPCHub
package import NIOCore

/// A bulk flow through the hub: a connection of its own, so that the kernel's buffers are its flow control and closing
/// it is cancelling.
package struct HubStream: Sendable {
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// The frames that come, to be read by one task.
    package typealias Messages = NIOAsyncChannelInboundStream<HubMessage>

    /// Opens a stream to `target` ("model:anthropic") and closes it when `body` is done.
    ///
    /// Throws `HubLinkError.refused(.unavailable, …)` when the target cannot be had.
    package static func open<Result: Sendable>(
        _ worker: Worker,
        target: String,
        _ body: @Sendable (HubStream, inout Messages.AsyncIterator) async throws -> Result
    ) async throws -> Result {
        var hello = HubHello()
        hello.stream = UUID().uuidString
        hello.target = target
        return try await run(worker, hello, body)
    }

    /// Serves the stream that a STREAM_OPEN named and closes it when `body` is done.
    package static func serve<Result: Sendable>(
        _ worker: Worker,
        stream: String,
        _ body: @Sendable (HubStream, inout Messages.AsyncIterator) async throws -> Result
    ) async throws -> Result {
        var hello = HubHello()
        hello.stream = stream
        return try await run(worker, hello, body)
    }

    /// Sends a frame; waits while the other side does not read.
    package func send(_ message: HubMessage) async throws {
        try await outbound.write(try HubConnection.bytes(message))
    }

    private static func run<Result: Sendable>(
        _ worker: Worker,
        _ hello: HubHello,
        _ body: @Sendable (HubStream, inout Messages.AsyncIterator) async throws -> Result
    ) async throws -> Result {
        var greeting = hello
        greeting.identify(worker.start)
        let connection = try await HubConnection.dial(worker)
        return try await connection.executeThenClose { inbound, outbound in
            try await outbound.write(try HubConnection.bytes(.hello(greeting)))
            var messages = inbound.makeAsyncIterator()
            switch try await messages.next() {
            case .welcome?: break
            case .goodbye(let goodbye)?: throw HubLinkError.refused(goodbye.reason, goodbye.text)
            case let other?: throw HubLinkError.unexpected(other.type)
            case nil: throw HubLinkError.closed
            }
            return try await body(HubStream(outbound: outbound), &messages)
        }
    }
}
