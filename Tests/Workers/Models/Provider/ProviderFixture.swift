import Config
import Failover
import FoundationEssentials
import IPCHub
import Logging
import NIOPosix
import OAuth
import Runtime
import SwiftProtobuf
import Synchronization

@testable import Provider
@testable import Runtime

/// A wire whose attempts are scripted, by key.
final class FakeWire: ProviderAttempts {
    enum Outcome: Sendable {
        case answers(String)
        case fails(CallFailure)
        /// Says this, then fails.
        case breaks(String, CallFailure)
        case waits
    }

    private let state: Mutex<State>

    private struct State {
        var scripts: [String: [Outcome]]
        var asked: [ProviderKey] = []
    }

    /// The last outcome of a key's value is given for ever.
    init(_ scripts: [String: [Outcome]]) { state = Mutex(State(scripts: scripts)) }

    var asked: [String] { state.withLock { $0.asked.map(\.value) } }
    var keys: [ProviderKey] { state.withLock { $0.asked } }

    func attempt(
        _ call: ModelCall,
        with key: ProviderKey,
        limit: Duration,
        receive: @escaping @Sendable (HubModelEvent) async throws -> Void
    ) async -> AttemptReport {
        let outcome = state.withLock { state -> Outcome in
            state.asked.append(key)
            guard let first = state.scripts[key.value]?.first else { return .fails(CallFailure(.auth, "unknown key")) }
            if (state.scripts[key.value]?.count ?? 0) > 1 { state.scripts[key.value]?.removeFirst() }
            return first
        }
        var finished = HubModelEvent.Finished()
        finished.stopReason = "end_turn"
        do {
            switch outcome {
            case .answers(let text):
                try await receive(.with { $0.text = text })
                var report = AttemptReport(.finished(finished))
                report.isCommitted = true
                (report.usage.input, report.source, report.servedModel, report.status) = (7, .reported, "served", 200)
                return report
            case .fails(let failure): return AttemptReport(.failed(failure))
            case .breaks(let text, let failure):
                try await receive(.with { $0.text = text })
                var report = AttemptReport(.failed(failure))
                report.isCommitted = true
                return report
            case .waits:
                try await Task.sleep(for: .seconds(60))
                return AttemptReport(.failed(CallFailure(.timeout, "late")))
            }
        } catch {
            return AttemptReport(.clientGone)
        }
    }

    func shed() async {}
}

/// A login service with scripted answers.
final class FakeTokens: TokenEndpoint {
    private let answers: Mutex<[(Int, String)]>
    private let made = Mutex(0)
    let gate: AsyncStream<Void>?

    init(_ answers: [(Int, String)], gate: AsyncStream<Void>? = nil) {
        self.answers = Mutex(answers)
        self.gate = gate
    }

    var count: Int { made.withLock { $0 } }

    struct Away: Error {}

    func post(_ request: OAuthRequest) async throws -> (status: Int, body: [UInt8]) {
        made.withLock { $0 += 1 }
        if let gate { for await _ in gate { break } }
        guard let (status, body) = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { throw Away() }
        return (status, Array(body.utf8))
    }
}

/// A provider with a wire, a login service and a gateway that keeps what it is told, all in memory.
final class ProviderBench: Sendable {
    let model: ProviderModel
    let records: ModelRecords
    let frames = Mutex<[HubMessage]>([])
    let clock = Mutex(WallTime(milliseconds: 1_795_000_000_000))
    let pauses = Mutex<[Duration]>([])
    private let acks = Mutex(true)

    init(
        _ wire: FakeWire,
        keys: [String: String] = ["openai:a": "key-a", "openai:b": "key-b"],
        login: OAuthCredential? = nil,
        tokens: FakeTokens = FakeTokens([]),
        kept: HubModelState = HubModelState(),
        acknowledges: Bool = true,
        ackError: String = ""
    ) {
        var config = ProviderConfig()
        config.provider = "openai"
        var secrets: [String: String] = [:]
        for (id, value) in keys.sorted(by: { $0.key < $1.key }) {
            var profile = ProviderConfig.Profile()
            (profile.id, profile.secret) = (id, "SECRET_\(id)")
            config.profiles.append(profile)
            secrets[profile.secret] = value
        }
        if let login {
            var profile = ProviderConfig.Profile()
            (profile.id, profile.mode, profile.secret) = ("openai:login", .oauth, "LOGIN")
            config.profiles.append(profile)
            secrets["LOGIN"] = String(decoding: login.stored(), as: UTF8.self)
        }
        config.isOrderFixed = true
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let records = ModelRecords(prefix: "r.", log: log, on: MultiThreadedEventLoopGroup.singleton.next())
        let (clock, pauses) = (Clock(), Pauses())
        self.records = records
        model = ProviderModel(
            config: config,
            keys: ProviderKeys(config: config, secrets: secrets),
            attempts: wire,
            tokens: tokens,
            records: records,
            log: log,
            now: { clock.now.withLock { $0 } },
            random: { 0 },
            pause: { wait in
                pauses.made.withLock { $0.append(wait) }
                clock.now.withLock { $0 = $0 + wait }
            }
        )
        wall = clock
        waited = pauses
        acks.withLock { $0 = acknowledges }
        model.keep()
        records.attach { [weak self] frame in
            guard let self else { return false }
            self.frames.withLock { $0.append(frame) }
            if case .modelState(let state) = frame, self.acks.withLock({ $0 }) {
                _ = self.records.received(.modelStateAck(.with { ($0.seq, $0.error) = (state.seq, ackError) }))
            }
            return true
        }
        _ = records.received(.modelState(kept))
    }

    final class Clock: Sendable { let now = Mutex(WallTime(milliseconds: 1_795_000_000_000)) }
    final class Pauses: Sendable { let made = Mutex<[Duration]>([]) }
    let wall: Clock
    let waited: Pauses

    func pass(_ time: Duration) { wall.now.withLock { $0 = $0 + time } }

    func acknowledge(_ does: Bool) { acks.withLock { $0 = does } }

    /// Makes a call and gives what the agent would read.
    func ask(
        _ change: (inout HubModelRequest) -> Void = { _ in },
        write: @escaping @Sendable (HubModelEvent) async throws -> Void = { _ in }
    ) async throws -> [HubModelEvent] {
        var request = HubModelRequest()
        request.model = "m"
        request.caller.sessionKey = "agent:main:main"
        change(&request)
        let events = Mutex<[HubModelEvent]>([])
        var message = HubModelMessage()
        message.blocks = [.with { $0.text = "hi" }]
        try await model.answer(
            ModelCall(request: request, messages: [message]),
            into: ModelAnswer { event in
                events.withLock { $0.append(event) }
                try await write(event)
            }
        )
        return events.withLock { $0 }
    }

    var rows: [HubLedgerRow] {
        frames.withLock { $0 }.compactMap { if case .ledgerRow(let row) = $0 { row } else { nil } }
    }

    var states: [HubModelState] {
        frames.withLock { $0 }.compactMap { if case .modelState(let state) = $0 { state } else { nil } }
    }

    /// Waits for frames that come from tasks of their own; throws after ten seconds.
    func until(_ wants: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while !wants() {
            guard ContinuousClock.now < deadline else { throw CancellationError() }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
