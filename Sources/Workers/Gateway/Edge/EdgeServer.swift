internal import Config
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOWebSocket
internal import Runtime

/// HTTP and WebSocket on the inherited listeners.
struct EdgeServer: Sendable {
    private let core: NIOLoopBound<EdgeCore>
    private let listeners: [any Channel]

    /// What the edge is made of.
    struct Parts: Sendable {
        var config: GatewayConfig
        /// The gateway's token or password.
        var secret: String?
        var listeners: [EdgeListener]
        /// User id of the state directory's owner.
        var owner: UInt32
        var host: String
        var conversations: any Conversations
        /// Why the gateway is in safe mode; nil when it is not.
        var safeReason: String?
        var command: @Sendable (WorkerOrder, String) -> Void
        /// What the pass-through endpoint asks; nil: nobody (safe mode).
        var relays: (any RelayWorkers)?
        /// One line about the gateway for `ps`; an empty one takes it back.
        var remark: @Sendable (String) -> Void = { _ in }
        /// Whether a process that dials the Unix socket belongs to our own tree: the supervisor, and all that it started.
        var isOwnTree: @Sendable (Int32) -> Bool = { PeerDescent.isOwn($0, tree: [getppid(), getpid()]) }
        var limits = EdgeLimits()
        var clock = EdgeClock.real
        var log: Logger
        var eventLoop: any EventLoop
    }

    /// Serves from when it returns.
    static func start(_ parts: Parts) async throws -> EdgeServer {
        let core = try await parts.eventLoop.submit {
            let core = makeCore(parts)
            core.start()
            return NIOLoopBound(core, eventLoop: parts.eventLoop)
        }.get()
        var channels: [any Channel] = []
        for listener in parts.listeners {
            channels.append(try await serve(listener, core: core, parts: parts))
        }
        return EdgeServer(core: core, listeners: channels)
    }

    /// New connections wait in the kernel's queue for the next gateway; `/readyz` says no.
    func stopAccepting() async {
        for listener in listeners {
            try? await listener.close().get()  // closed already is as good
        }
        let core = core
        try? await core.eventLoop.submit { core.value.beginDraining() }.get()  // fails only when the loop has ended
    }

    /// Tells every client, closes it with 1012 and returns when all are gone or after `patience`.
    func shutdown(reason: String, restartExpectedMilliseconds: Int64?, patience: TimeAmount) async {
        let core = core
        let emptied = core.eventLoop.flatSubmit {
            core.value.shutdown(
                reason: reason,
                restartExpectedMilliseconds: restartExpectedMilliseconds,
                patience: patience
            )
        }
        try? await emptied.get()  // never fails: clients that do not go are left behind
    }

    private static func makeCore(_ parts: Parts) -> EdgeCore {
        let eventLoop = parts.eventLoop
        // Methods reach the core that is made with them.
        let box = NIOLoopBoundBox<EdgeCore?>(nil, eventLoop: eventLoop)
        let methods = MethodContext(
            config: parts.config,
            conversations: parts.conversations,
            clock: parts.clock,
            startedAt: parts.clock.now(),
            hold: { run in eventLoop.execute { box.value?.hold(run) } },
            presence: {
                do {
                    return try await eventLoop.submit { box.value?.presenceList() ?? [] }.get()
                } catch {
                    return []
                }
            },
            watchWorkers: { id in eventLoop.execute { box.value?.watchWorkers(id) } },
            command: parts.command
        )
        let core = EdgeCore(
            config: parts.config,
            secret: SharedSecret(mode: parts.config.auth.mode, secret: parts.secret),
            owner: parts.owner,
            host: parts.host,
            conversations: parts.conversations,
            isSafeMode: parts.safeReason != nil,
            methods: methods,
            limits: parts.limits,
            clock: parts.clock,
            log: parts.log,
            eventLoop: eventLoop,
            isOwnTree: parts.isOwnTree,
            remark: parts.remark,
            relays: parts.relays
        )
        box.value = core
        return core
    }
}

// MARK: - Listening

extension EdgeServer {
    private static func serve(
        _ listener: EdgeListener,
        core: NIOLoopBound<EdgeCore>,
        parts: Parts
    ) async throws -> any Channel {
        let eventLoop = parts.eventLoop
        let limits = parts.limits
        let gate = try await eventLoop.submit { NIOLoopBound(AcceptGate(limits: limits), eventLoop: eventLoop) }.get()
        return try await InheritedListener.adopt(listener.descriptor, on: eventLoop) {
            bootstrap(listener.kind, eventLoop, core: core, gate: gate)
        }
    }

    private static func bootstrap(
        _ kind: EdgeListener.Kind,
        _ eventLoop: any EventLoop,
        core: NIOLoopBound<EdgeCore>,
        gate: NIOLoopBound<AcceptGate>
    ) -> ServerBootstrap {
        let bootstrap = ServerBootstrap(group: eventLoop)
            // One at a time keeps the gate's bounds exact.
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: ReadBuffers.allocator)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(gate.value)
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Connection(core: core.value, gate: gate.value, channel: channel, kind: kind).configure()
                }
            }
        guard kind == .tcp else { return bootstrap }
        return bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            // A client that vanished is noticed after a minute instead of a quarter of an hour.
            .childChannelOption(
                ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_USER_TIMEOUT)),
                value: 60_000
            )
    }
}
