import ChannelHTTP
import Config
import FoundationEssentials
import Logging
import NIOHTTP1
import NIOPosix
import Runtime
import Synchronization
import TestSupport

@testable import Voice

/// A desk with a provider and a gateway of the test's own.
final class DeskScene: Sendable {
    let desk: VoiceDesk
    let provider: FakeProvider
    private let state = Mutex(State())

    struct State {
        var saved: [CallRecord] = []
        var journal: [Runtime.ChannelEvent] = []
        /// The next saves and deliveries fail so often.
        var failingSaves = 0
        var failingDeliveries = 0
        var reached: [String] = []
        /// Milliseconds that the test's clock is ahead.
        var ahead: Int64 = 0
        var token = 0
    }

    init(
        _ provider: FakeProvider = FakeProvider(),
        _ change: (inout VoiceConfig) -> Void = { _ in }
    ) {
        var settings = VoiceConfig(provider.speaksByWebhook ? .twilio : .mock)
        settings.fromNumber = "+15550001111"
        settings.publicURL = "https://a.example/voice/webhook"
        settings.inboundPolicy = .open
        settings.maxConcurrentCalls = 4
        settings.inboundGreeting = "Welcome"
        change(&settings)
        self.provider = provider
        let box = Box()
        desk = VoiceDesk(
            settings: settings,
            provider: provider,
            signatures: .nothing,
            ports: VoiceDesk.Ports(
                now: { Int64(Date().timeIntervalSince1970 * 1000) + box.ahead },
                token: { box.token() },
                loop: MultiThreadedEventLoopGroup.singleton.next(),
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                reach: { box.reach($0) }
            )
        )
        box.set(self)
    }

    private final class Box: Sendable {
        private let value = Mutex<DeskScene?>(nil)
        func set(_ scene: DeskScene) { value.withLock { $0 = scene } }
        private func change<Result: Sendable>(_ body: @Sendable (inout State) -> Result) -> Result? {
            value.withLock { $0 }?.state.withLock { body(&$0) }
        }
        var ahead: Int64 { change { $0.ahead } ?? 0 }
        func token() -> String {
            change {
                $0.token += 1
                return "t\($0.token)"
            } ?? "t"
        }
        func reach(_ name: String) { change { $0.reached.append(name) } }
    }

    var reached: [String] { state.withLock { $0.reached } }
    var saved: [CallRecord] { state.withLock { $0.saved } }
    var journal: [SpokenWords] {
        state.withLock { state in
            state.journal.compactMap { try? JSONDecoder().decode(SpokenWords.self, from: Data($0.raw)) }
        }
    }
    func failSaves(_ count: Int) { state.withLock { $0.failingSaves = count } }
    func failDeliveries(_ count: Int) { state.withLock { $0.failingDeliveries = count } }

    /// Goes forward in time.
    func pass(_ milliseconds: Int64) {
        state.withLock { $0.ahead += milliseconds }
        desk.waiters.wake()
    }

    func open(_ known: [CallRecord] = []) {
        desk.open(
            known,
            VoiceDesk.Gateway(
                save: { record in
                    let fails = self.state.withLock { state in
                        if state.failingSaves > 0 {
                            state.failingSaves -= 1
                            return true
                        }
                        state.saved.append(record)
                        return false
                    }
                    if fails { throw CallTrouble("the disk is full") }
                },
                deliver: { event in
                    let fails = self.state.withLock { state in
                        if state.failingDeliveries > 0 {
                            state.failingDeliveries -= 1
                            return true
                        }
                        if !state.journal.contains(where: { $0.key == event.key }) { state.journal.append(event) }
                        return false
                    }
                    if fails { throw CallTrouble("the disk is full") }
                },
                addresses: { _ in [] }
            )
        )
    }

    /// Twilio's request: what it is told.
    func twilio(_ query: String, _ form: [(String, String)] = [], writes: Bool = true) async -> String {
        let fields = form.contains { $0.0 == "CallSid" } ? form : [("CallSid", "CA1")] + form
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .POST,
            uri: "/voice/webhook?\(query)",
            headers: ["content-type": "application/x-www-form-urlencoded"]
        )
        let answer = await desk.receive(WebhookRequestBody(head: head, body: FormFields.body(fields), peer: ""))
        answer.written?(writes)
        return "\(answer.status.code) \(String(decoding: answer.body, as: UTF8.self))"
    }

    func events(_ json: String) async -> UInt {
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/voice/webhook")
        return await desk.receive(WebhookRequestBody(head: head, body: Array(json.utf8), peer: "")).status.code
    }

    func ask(_ method: String, _ params: String) async -> String {
        String(decoding: await desk.answer(method, Array(params.utf8)) ?? [], as: UTF8.self)
    }

    /// The value of `key` in the addresses of TwiML.
    static func token(_ key: String, in text: String) -> String {
        guard let start = text.firstRange(of: "&amp;\(key)=")?.upperBound else { return "" }
        return String(text[start...].prefix { $0.isLetter || $0.isNumber })
    }
}

/// A provider that does what the test says, and remembers what it was asked.
final class FakeProvider: CallProvider {
    let name: String
    let speaksByWebhook: Bool
    private let state = Mutex(State())

    struct State: Sendable {
        var asked: [String] = []
        var dial: Result<String, ProviderFailure> = .success("CA1")
        var speak: Result<Void, ProviderFailure> = .success(())
        var look: Result<CallEvent.Kind?, ProviderFailure> = .success(.answered)
        var find: Result<String?, ProviderFailure> = .success(nil)
        var hangUp: Result<Void, ProviderFailure> = .success(())
    }

    init(speaksByWebhook: Bool = true) {
        self.speaksByWebhook = speaksByWebhook
        name = speaksByWebhook ? "twilio" : "mock"
    }

    func set(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var asked: [String] { state.withLock { $0.asked } }

    private func note<Value: Sendable>(_ text: String, _ read: @Sendable (State) -> Value) -> Value {
        let now = state.withLock { state in
            state.asked.append(text)
            return state
        }
        return read(now)
    }

    func dial(_ record: CallRecord, webhook: String?) async -> Result<String, ProviderFailure> {
        note("dial \(record.to) \(webhook ?? "inline")", \.dial)
    }
    func speak(_ text: String, in record: CallRecord, webhook: String, command: String) async
        -> Result<Void, ProviderFailure>
    { note("speak \(text)", \.speak) }
    func hangUp(_ record: CallRecord) async -> Result<Void, ProviderFailure> {
        note("hangup \(record.providerCallId ?? "")", \.hangUp)
    }
    func look(_ providerCallId: String) async -> Result<CallEvent.Kind?, ProviderFailure> {
        note("look \(providerCallId)", \.look)
    }
    func find(_ record: CallRecord, known: Set<String>) async -> Result<String?, ProviderFailure> {
        note("find", \.find)
    }
    func probe() async -> Result<Void, ProviderFailure> { .success(()) }
}
