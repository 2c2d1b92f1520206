import FoundationEssentials
import IPCControl
import IPCHub
import NIOCore
import NIOPosix
import SwiftProtobuf
import Testing

@testable import Gateway

/// A hub on a real socket, with an engine that welcomes everybody and remembers what it was told.
final class HubBench: Sendable {
    let path: String
    let loop: any EventLoop
    let events: NIOLoopBound<RecordingEvents>
    let hub: NIOLoopBound<HubServer>
    private let listener: any Channel

    static let key: [UInt8] = Array("key of this start".utf8)

    /// Patient, as `EdgeBench`.
    static let patient = {
        var limits = HubLimits()
        (limits.hello, limits.pairing) = (.seconds(60), .seconds(60))
        return limits
    }()

    static func start(_ limits: HubLimits = patient) async throws -> HubBench {
        let path = "/tmp/clawhold-hub-\(UUID().uuidString.prefix(8)).sock"
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (events, hub) = try await loop.submit {
            let events = RecordingEvents()
            let hub = HubServer(loop: loop, key: key, build: "b1", events: events, limits: limits)
            events.hub = hub
            return (NIOLoopBound(events, eventLoop: loop), NIOLoopBound(hub, eventLoop: loop))
        }.get()
        let listener = try await loop.flatSubmit {
            hub.value.bootstrap().bind(unixDomainSocketPath: path)
        }.get()
        return HubBench(path: path, loop: loop, events: events, hub: hub, listener: listener)
    }

    private init(
        path: String,
        loop: any EventLoop,
        events: NIOLoopBound<RecordingEvents>,
        hub: NIOLoopBound<HubServer>,
        listener: any Channel
    ) {
        self.path = path
        self.loop = loop
        self.events = events
        self.hub = hub
        self.listener = listener
    }

    func stop() async throws {
        try await listener.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    func dial() async throws -> Peer { try await Peer.dial(path) }

    /// A connection that has said HELLO.
    func hello(
        _ worker: String,
        incarnation: UInt64 = 1,
        _ fill: @Sendable (inout HubHello) -> Void = { _ in }
    ) async throws -> Peer {
        let peer = try await dial()
        try await peer.send(.hello(Self.greeting(worker, incarnation, fill)))
        return peer
    }

    static func greeting(
        _ worker: String,
        _ incarnation: UInt64 = 1,
        _ fill: (inout HubHello) -> Void = { _ in }
    ) -> HubHello {
        var hello = HubHello()
        hello.worker = worker
        hello.incarnation = incarnation
        hello.build = "b1"
        if let id = WorkerID(worker) {
            hello.token = Data(HubToken.make(key: key, worker: id, incarnation: incarnation))
        }
        fill(&hello)
        return hello
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (RecordingEvents) -> Value) async throws -> Value {
        let events = events
        return try await loop.submit { body(events.value) }.get()
    }
}

/// What the hub told.
final class RecordingEvents: HubEvents {
    var hub: HubServer?
    var linked: [String] = []
    var unlinked: [Int] = []
    var received: [String] = []
    var wanted: [String] = []
    var warnings: [String] = []
    var absent: String?
    var leaving: Set<String> = []
    var leavingAsked = 0

    func linked(worker: String, link: Int, hello: HubHello) {
        linked.append("\(worker)|\(hello.incarnation)|\(link)")
        hub?.send(link, .welcome(HubWelcome()))
    }

    func unlinked(worker: String, link: Int) { unlinked.append(link) }
    func received(worker: String, link: Int, message: HubMessage) { received.append("\(worker)|\(message.type)") }
    func wanted(worker: String) { wanted.append(worker) }
    func absence(of worker: String) -> String? { absent }
    func isLeaving(_ worker: String) -> Bool {
        leavingAsked += 1
        return leaving.contains(worker)
    }

    func hubWarning(_ text: String) { warnings.append(text) }
}

/// The other end of a connection: frames or bytes, with a deadline on everything.
final class Peer: Sendable {
    let channel: any Channel
    private let inbound: NIOLoopBound<Inbox>

    /// What came, until somebody takes it. On the channel's loop.
    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var buffer = ByteBuffer()
        var hasEnded = false
        var waiting: (() -> Bool)?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            buffer.writeBuffer(&bytes)
            wake()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if (event as? ChannelEvent) == .inputClosed { end() }
        }

        func channelInactive(context: ChannelHandlerContext) { end() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { end() }

        private func end() {
            hasEnded = true
            wake()
        }

        private func wake() {
            if let waiting, waiting() { self.waiting = nil }
        }
    }

    struct TimedOut: Error {}

    static func dial(_ path: String) async throws -> Peer {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let inbox = try await loop.submit { NIOLoopBound(Inbox(), eventLoop: loop) }.get()
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(inbox.value) }
            }
            .connect(unixDomainSocketPath: path).get()
        return Peer(channel: channel, inbound: inbox)
    }

    private init(channel: any Channel, inbound: NIOLoopBound<Inbox>) {
        self.channel = channel
        self.inbound = inbound
    }

    func send(_ message: HubMessage) async throws {
        var bytes = ByteBuffer()
        try Frame.encode(message, into: &bytes)
        try await channel.writeAndFlush(bytes)
    }

    func send(bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    func pauseReading(_ isPaused: Bool) async throws {
        try await channel.setOption(.autoRead, value: !isPaused).get()
    }

    /// The next frame; nil at the end of the connection.
    func frame() async throws -> HubMessage? {
        try await wait { inbox in
            if let message = try? Frame.decode(from: &inbox.buffer) { return .some(message) }
            return inbox.hasEnded ? .some(nil) : nil
        }
    }

    /// So many bytes; fewer only at the end of the connection.
    func bytes(_ count: Int) async throws -> [UInt8] {
        try await wait { inbox in
            guard inbox.buffer.readableBytes >= count || inbox.hasEnded else { return nil }
            return inbox.buffer.readBytes(length: min(count, inbox.buffer.readableBytes)) ?? []
        }
    }

    /// Waits until `body` has something, at most ten seconds.
    private func wait<Value: Sendable>(_ body: @escaping @Sendable (Inbox) -> Value?) async throws -> Value {
        let inbound = inbound
        let promise = channel.eventLoop.makePromise(of: Value.self)
        channel.eventLoop.execute {
            let inbox = inbound.value
            if let value = body(inbox) { return promise.succeed(value) }
            let deadline = inbound.eventLoop.scheduleTask(in: .seconds(10)) { promise.fail(TimedOut()) }
            inbox.waiting = {
                guard let value = body(inbound.value) else { return false }
                deadline.cancel()
                promise.succeed(value)
                return true
            }
        }
        return try await promise.futureResult.get()
    }

    func close() async throws { try await channel.close() }
}
