import Config
import Failover
import FoundationEssentials
import IPCControl
import IPCHub
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@testable import Gateway

/// A relayed request between a client and the real hub, whose workers are in-memory connections; the clock is ours.
final class RelayBench: RelayOutput {
    let loop: EmbeddedEventLoop
    let clock = Clock()
    let workers: HubWorkers
    private(set) var exchange: RelayExchange?

    // What the client reads.
    var isWritable = true
    var status = 0
    var headers: [String: String] = [:]
    var text = ""
    var ending = ""
    var framing: RelayFraming?
    var flushes = 0

    final class Clock {
        var now = ContinuousClock.now
    }

    /// The hub as relayed requests see it.
    final class HubWorkers: RelayWorkers, @unchecked Sendable {
        let hub: HubServer
        let events = RecordingEvents()
        var objections: [String: String] = [:]

        init(_ loop: EmbeddedEventLoop) {
            hub = HubServer(loop: loop, key: HubBench.key, build: "b1", events: events)
            events.hub = hub
        }

        func openStream(
            _ worker: String,
            isFresh: Bool,
            _ receive: @escaping (GatewayStream.Event) -> Void
        ) -> GatewayStream {
            hub.open(worker, isFresh: isFresh, receive: receive)
        }

        func objection(to model: String) -> String? { objections[model] }
    }

    /// A worker's end of a connection.
    final class Connection {
        let channel: EmbeddedChannel
        let reads: Reads
        private var buffer = ByteBuffer()

        final class Reads: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
            var count = 0
            func read(context: ChannelHandlerContext) {
                count += 1
                context.read()
            }
        }

        init(
            _ bench: RelayBench,
            _ worker: String,
            stream: String = "",
            prepare: (EmbeddedChannel) -> Void = { _ in }
        ) throws {
            reads = Reads()
            channel = EmbeddedChannel(
                handlers: [reads, LinkHandler(server: bench.workers.hub)],
                loop: bench.loop
            )
            try channel.connect(to: SocketAddress(unixDomainSocketPath: "/w")).wait()
            prepare(channel)
            try say(.hello(HubBench.greeting(worker) { $0.stream = stream }))
        }

        /// What is said together is read together.
        func say(_ messages: HubMessage...) throws {
            var bytes = ByteBuffer()
            for message in messages { try Frame.encode(message, into: &bytes) }
            try channel.writeInbound(bytes)
        }

        func say(status: UInt32, type: String = "text/event-stream", tryNext: Bool = false, attempts: UInt32 = 1) throws
        {
            var head = HubRelayHead()
            (head.status, head.tryNext, head.attempts) = (status, tryNext, attempts)
            head.headers = [.with { ($0.name, $0.value) = ("content-type", type) }]
            try say(.relayHead(head))
        }

        func say(_ text: String) throws { try say(.mediaChunk(.with { $0.data = Data(text.utf8) })) }

        func finish(_ error: String = "") throws { try say(.mediaEnd(.with { $0.error = error })) }

        /// What was sent to the worker since the last time.
        func heard() throws -> [HubMessage] {
            while var bytes = try channel.readOutbound(as: ByteBuffer.self) { buffer.writeBuffer(&bytes) }
            var messages: [HubMessage] = []
            while let message = try Frame.decode(from: &buffer) { messages.append(message) }
            return messages
        }
    }

    private var links: [String: Connection] = [:]

    /// Another client of the same hub, which has asked.
    static func second(_ bench: RelayBench) throws -> RelayBench {
        let other = RelayBench(beside: bench)
        try other.ask()
        return other
    }

    private init(beside bench: RelayBench) {
        (loop, workers, links) = (bench.loop, bench.workers, bench.links)
    }

    init() throws {
        loop = EmbeddedEventLoop()
        workers = HubWorkers(loop)
        for worker in ["model:one", "model:two"] { links[worker] = try Connection(self, worker) }
    }

    /// A request that is whole.
    func ask(
        _ body: String = #"{"model":"one/m","x":1}"#,
        format: String = "/v1/chat/completions",
        headers: [(name: String, value: String)] = [],
        fallbacks: [String] = []
    ) throws {
        var config = GatewayConfig()
        config.models = ["one", "two", "demo"].map { ModelWorkerEntry(worker: "model:\($0)", provider: $0) }
        config.agents[0].model.fallbacks = fallbacks.map {
            ModelRef(model: $0, worker: "model:\($0.prefix { $0 != "/" })")
        }
        let exchange = RelayExchange(
            format: try #require(.init(rawValue: format)),
            id: "relay-1",
            headers: headers,
            declared: 0,
            config: config,
            output: self,
            now: { [clock] in clock.now },
            workers: workers
        )
        self.exchange = exchange
        exchange.take(Array(body.utf8))
        exchange.complete()
        loop.run()
    }

    /// The worker comes for the stream that waits for it.
    func come(_ worker: String, prepare: (EmbeddedChannel) -> Void = { _ in }) throws -> Connection {
        loop.run()
        let open = try #require(links[worker]).heard().compactMap { message -> String? in
            if case .streamOpen(let open) = message { open.stream } else { nil }
        }
        return try Connection(self, worker, stream: try #require(open.last), prepare: prepare)
    }

    // MARK: RelayOutput

    func head(status: Int, headers: [(name: String, value: String)], framing: RelayFraming) {
        #expect(self.status == 0, "two heads")
        self.status = status
        self.framing = framing
        for header in headers { self.headers[header.name] = header.value }
    }

    func flush() { flushes += 1 }

    func body(_ bytes: Data) {
        #expect(status != 0 && ending.isEmpty, "a body in the wrong place")
        text += String(decoding: bytes, as: UTF8.self)
    }

    func end() {
        #expect(ending.isEmpty, "two ends")
        ending = "whole"
    }

    func cut() {
        #expect(ending.isEmpty, "two ends")
        ending = "cut"
    }
}
