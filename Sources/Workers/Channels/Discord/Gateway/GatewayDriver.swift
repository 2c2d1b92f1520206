internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime
internal import Synchronization

/// Drives the connection to Discord's gateway: carries out what `GatewayPlan` decides and tells it what happened.
///
/// Every method runs to its end without waiting, so effects happen in the order in which they were decided. What takes
/// time (dialling, reading, asking REST) is a task that reports back with the number of its connection; reports of an
/// older one are not heard.
actor GatewayDriver {
    private var plan: GatewayPlan
    private var intents: Intents
    private let token: String
    private let api: DiscordAPI
    private let loop: any EventLoop
    private let log: Logger
    private let status: AccountStatus
    private let names: NameCache
    private let queue: EventQueue
    private let interactions: Interactions
    private var bot: BotIdentity
    private var socket: GatewaySocket?
    private var number = 0
    /// The task of the present connection, and the timer; cancelled with `stop` or when they are replaced.
    private var work: Task<Void, Never>?
    private var timer: Scheduled<Void>?
    /// What the timer waits for.
    private var armed: GatewayPlan.Instant?
    private var wasConnected = false
    private let (fatals, fatal) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(1))

    struct Parts {
        var token: String
        var api: DiscordAPI
        var loop: any EventLoop
        var log: Logger
        var status: AccountStatus
        var names: NameCache
        var queue: EventQueue
        var interactions: Interactions
    }

    init(session: GatewayPlan.Session?, intents: Intents, bot: BotIdentity, parts: Parts) {
        plan = GatewayPlan(session: session, intents: { intents.privileged })
        self.intents = intents
        self.bot = bot
        token = parts.token
        api = parts.api
        loop = parts.loop
        log = parts.log
        status = parts.status
        names = parts.names
        queue = parts.queue
        interactions = parts.interactions
    }

    /// Keeps the connection until the task is cancelled. Throws `ChannelFatal` when no retry helps.
    func run() async throws {
        handle(.begin)
        for await reason in fatals {
            stop()
            throw ChannelFatal(reason)
        }
        // Cancelled: a planned restart. The session lives on for the next incarnation.
        stop()
        throw CancellationError()
    }

    /// The journal has everything up to `seq`.
    func journaled(_ seq: Int64) { handle(.journaled(seq: seq)) }

    /// There is room in the queue again.
    func drained() { handle(.drained) }

    private func stop() {
        socket?.close(4000)
        socket = nil
        work?.cancel()
        timer?.cancel()
        number += 1
    }

    private func handle(_ event: GatewayPlan.Event) {
        for effect in plan.handle(event, at: .now) { perform(effect) }
        arm()
    }

    private func report(_ event: GatewayPlan.Event, from connection: Int) {
        guard connection == number else { return }
        handle(event)
    }

    private func arm() {
        // Of a thousand events hardly one moves it.
        guard plan.deadline != armed else { return }
        timer?.cancel()
        armed = plan.deadline
        timer = armed.map { deadline in
            loop.scheduleTask(in: TimeAmount(max(.zero, GatewayPlan.Instant.now.duration(to: deadline)))) {
                [weak self] in
                Task { await self?.tick() }  // ends at once
            }
        }
    }

    private func tick() {
        // It may have come a moment too early by the other clock; then it is armed again.
        armed = nil
        handle(.tick)
    }

    private func perform(_ effect: GatewayPlan.Effect) {
        switch effect {
        case .askAddress: askAddress()
        case .open(let url): open(url)
        case .identify: send(identify())
        case .resume(let session):
            send([
                "op": 6,
                "d": [
                    "token": .string(token), "session_id": .string(session.id), "seq": .integer(session.seq),
                ],
            ])
        case .beat(let seq): send(["op": 1, "d": seq.map { .integer($0) } ?? .null])
        case .close(let code):
            number += 1
            socket?.close(code)
            socket = nil
            work?.cancel()
        case .note(let words):
            log.info("\(words); connecting again")
            status.update { $0.reconnects += 1 }
        case .trouble(let words):
            log.warning("\(words)")
            status.update {
                $0.connected = false
                $0.error = words
                $0.reconnects += 1
            }
        case .connected(let resumed): connected(resumed)
        case .sessionLost(let words): log.warning("\(words): what was missed is asked for again")
        case .fatal(let reason): fatal.yield(reason)
        }
    }

    private func connected(_ resumed: Bool) {
        let bot = bot
        if !wasConnected {
            // Word for word what the deployment guide promises.
            log.info("logged in to discord as \(bot.name)")
        } else {
            log.info("connected to Discord again (\(resumed ? "resumed" : "a new session"))")
        }
        wasConnected = true
        status.update {
            $0.connected = true
            $0.error = ""
            $0.name = bot.name
            $0.botID = bot.id
            $0.reconnects = 0
        }
    }

    private func identify() -> JSON {
        [
            "op": 2,
            "d": [
                "token": .string(token),
                "intents": .integer(Int64(intents.bits)),
                "properties": ["os": "linux", "browser": "clawhold", "device": "clawhold"],
                "compress": false,
                "large_threshold": 50,
            ],
        ]
    }

    private func send(_ json: JSON) {
        let bytes = json.encoded()
        guard bytes.count <= DiscordLimits.outgoingBytes else {
            return log.error("a message of \(bytes.count) bytes for Discord's gateway was not sent: it takes 4096")
        }
        socket?.send(bytes)
    }

    // MARK: Connections

    private func askAddress() {
        number += 1
        let connection = number
        work?.cancel()
        work = Task { [api] in
            let event: GatewayPlan.Event
            switch await api.call(.gatewayBot) {
            case .success(let json): event = Self.address(json)
            case .failure(.badToken(let words)):
                event = .closed(code: 4004, reason: words)
            case .failure(.tooMany(let pause, _)):
                event = .addressFailed("Discord asks to wait", retryAfter: pause)
            case .failure(let failure): event = .addressFailed(failure.words, retryAfter: nil)
            }
            self.report(event, from: connection)
        }
    }

    private static func address(_ json: JSON) -> GatewayPlan.Event {
        guard let url = json["url"]?.string, GatewaySocket.Address(url) != nil else {
            return .addressFailed("its answer names no wss:// address", retryAfter: nil)
        }
        let limit = json["session_start_limit"]
        let wait = min(max(limit?["reset_after"]?.integer ?? 0, 0), 86_400_000)
        return .address(
            .init(
                url: url,
                remaining: Int(clamping: limit?["remaining"]?.integer ?? 1),
                resetAfter: .milliseconds(wait)
            )
        )
    }

    private func open(_ url: String) {
        number += 1
        let connection = number
        work?.cancel()
        guard let address = GatewaySocket.Address(url) else {
            // From a cursor or READY of something that is not Discord.
            return handle(.openFailed("\(url.prefix(100)) is not a wss:// address"))
        }
        work = Task { [loop] in
            do {
                let socket = try await GatewaySocket.open(address, on: loop)
                try await socket.connection.executeThenClose { inbound, _ in
                    guard self.take(socket, connection) else { return }
                    var reader = try MessageReader()
                    for try await frame in inbound {
                        guard self.heard(reader.take(frame), on: socket, connection) else { return }
                    }
                }
                self.report(.closed(code: nil, reason: ""), from: connection)
            } catch {
                self.failed(String(describing: error), connection)
            }
        }
    }

    private func take(_ socket: GatewaySocket, _ connection: Int) -> Bool {
        guard connection == number else { return false }
        self.socket = socket
        handle(.opened)
        return connection == number
    }

    private func failed(_ words: String, _ connection: Int) {
        guard connection == number else { return }
        let words = String(words.prefix(200).map { $0.isNewline ? " " : $0 })
        handle(socket == nil ? .openFailed(words) : .broken("the connection to Discord broke: \(words)"))
    }

    /// False when the connection is over.
    private func heard(_ outcome: MessageReader.Outcome, on socket: GatewaySocket, _ connection: Int) -> Bool {
        guard connection == number else { return false }
        switch outcome {
        case .none: break
        case .ping(let data): socket.pong(data)
        case .closed(let code, let reason): handle(.closed(code: code, reason: reason))
        case .broken(let words): handle(.broken(words))
        case .message(let bytes):
            do {
                take(try GatewayPayload(bytes))
            } catch {
                handle(.broken("Discord's gateway sent \(error)"))
            }
        }
        return connection == number
    }

    // MARK: Messages

    private func take(_ payload: GatewayPayload) {
        switch payload.op {
        case 0: dispatch(payload)
        case 1: handle(.beatRequested)
        case 7: handle(.reconnectAsked)
        case 9: handle(.sessionInvalid(canResume: payload.data?.slice.elementsEqual("true".utf8) ?? false))
        case 10:
            let interval = (try? payload.data?.members(["heartbeat_interval"]))?["heartbeat_interval"]?.integer
            handle(.hello(interval: .milliseconds(min(max(interval ?? 41_250, 0), 3_600_000))))
        case 11:
            handle(.beatAcknowledged)
            if plan.isLive { _ = queue.add(.alive) }
        default: break
        }
    }

    private func dispatch(_ payload: GatewayPayload) {
        guard let seq = payload.seq, let data = payload.data else { return }
        switch payload.type {
        case "READY": return ready(data, seq)
        case "RESUMED":
            handle(.received(seq: seq))
            _ = queue.add(.pass(seq: seq))
            return handle(.resumed)
        default: break
        }
        names.take(payload.type, data, bot: bot.id)
        let isTaken: Bool
        if interactions.isJournaled(payload.type, data, bot: bot) {
            let session = plan.session?.id ?? ""
            isTaken = queue.add(.event(type: payload.type, bytes: Array(data.slice), seq: seq, session: session))
        } else {
            isTaken = queue.add(.pass(seq: seq))
        }
        handle(isTaken ? .received(seq: seq) : .overflow)
    }

    private func ready(_ data: RawJSON, _ seq: Int64) {
        guard let members = try? data.members(["session_id", "resume_gateway_url", "user", "application"]),
            let id = members["session_id"]?.text(limit: 256), let url = members["resume_gateway_url"]?.text(limit: 512),
            let user = try? members["user"]?.members(["id", "username"]), let botID = user["id"]?.id
        else { return handle(.broken("Discord's READY names no session, no user or no address to resume at")) }
        bot.id = botID
        bot.name = String((user["username"]?.text(limit: 256) ?? botID).prefix(64))
        if let application = (try? members["application"]?.members(["id"]))?["id"]?.id { bot.application = application }
        let session = GatewayPlan.Session(id: id, resumeURL: url, seq: seq)
        handle(queue.add(.session(session, bot: bot)) ? .ready(session) : .overflow)
    }
}
