internal import Config

/// One RPC method: who may call it and what it does.
struct Method: Sendable {
    let name: String
    let scope: Scope
    let run: @Sendable (MethodContext, Caller, WireValue) async throws(RPCError) -> RPCAnswer

    init(
        _ name: String,
        _ scope: Scope,
        _ run: @escaping @Sendable (MethodContext, Caller, WireValue) async throws(RPCError) -> RPCAnswer
    ) {
        self.name = name
        self.scope = scope
        self.run = run
    }

    /// The answer, be it a failure.
    func answer(_ context: MethodContext, _ caller: Caller, _ params: WireValue) async -> RPCAnswer {
        do {
            return try await run(context, caller, params)
        } catch {
            return .failure(error)
        }
    }
}

/// What the gateway may ask the supervisor to do with a worker.
///
/// START is not among them: it stands for work that waits, and never wakes a worker that a person has stopped. A person's
/// start is a RESTART of what does not run.
enum WorkerOrder: String, Sendable {
    case stop = "STOP"
    case restart = "RESTART"
}

/// What methods may reach.
struct MethodContext: Sendable {
    let config: GatewayConfig
    let conversations: any Conversations
    let clock: EdgeClock
    /// When this gateway started.
    let startedAt: ContinuousClock.Instant
    /// Events of this run wait until its answer is written. Takes effect before anything that is asked of the engine
    /// afterwards.
    let hold: @Sendable (_ runID: String) -> Void
    let presence: @Sendable () async -> WireValue
    let watchWorkers: @Sendable (_ connectionID: String) -> Void
    /// Asks the supervisor.
    let command: @Sendable (_ order: WorkerOrder, _ id: String) -> Void

    var uptimeMilliseconds: Int64 { startedAt.duration(to: clock.now()).wholeMilliseconds }

    /// What `health` and `channels.status` are made of, as of now.
    func report() async -> HealthReport {
        HealthReport(
            config: config,
            workers: await conversations.workers(),
            delivery: await conversations.deliveryStatus(),
            tunnels: await conversations.tunnels()
        )
    }

    /// A question to the engine, its failure in the protocol's words.
    func ask<Answer: Sendable>(
        _ question: @Sendable () async throws(ConversationError) -> Answer
    ) async throws(RPCError) -> Answer {
        do {
            return try await question()
        } catch {
            throw RPCError(error)
        }
    }
}

/// Every method there is. What is not here does not exist for clients either: `features.methods` is this list.
enum MethodTable {
    static let all: [Method] =
        StatusMethods.all + ChatMethods.all + SessionMethods.all + AgentMethods.all + WorkerMethods.all
        + QueueMethods.all + ChannelMethods.all + PairingMethods.all + WhyMethods.all + ModelMethods.all
        + UsageMethods.all + TunnelMethods.all + VoiceMethods.all

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    static let names = all.map(\.name).sorted()

    /// The events this gateway sends.
    static let events = ["agent", "chat", "connect.challenge", "health", "presence", "shutdown", "tick", "workers"]

    /// The method, once it is certain that the caller may call it.
    static func method(_ name: String, for caller: Caller) throws(RPCError) -> Method {
        guard caller.role == .operator else { throw .invalid("unauthorized role: \(caller.role.rawValue)") }
        guard let method = byName[name] else { throw .invalid("unknown method: \(name.prefix(128))") }
        guard caller.has(method.scope) else { throw .invalid("missing scope: \(method.scope.rawValue)") }
        return method
    }
}
