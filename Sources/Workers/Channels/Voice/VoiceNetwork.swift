internal import ChannelHTTP
internal import Config
internal import Glibc
internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime

/// Telephone calls as a channel: the webhook, the calls' times, and what the gateway wants said.
final class VoiceNetwork: ChannelNetwork {
    private let settings: VoiceSettings
    private let fatal: ChannelFatal?
    private let desk: VoiceDesk
    private let group: any EventLoopGroup
    private let log: Logger

    init(settings: VoiceSettings, secrets: [String: String], group: any EventLoopGroup, ports: VoiceDesk.Ports) {
        self.settings = settings
        self.group = group
        log = ports.log
        let (fatal, proof) = Self.check(settings, secrets)
        self.fatal = fatal
        let provider: any CallProvider =
            switch settings.provider {
            case .twilio: TwilioProvider(settings: settings, token: secrets["TWILIO_AUTH_TOKEN"] ?? "", group: group)
            case .telnyx: TelnyxProvider(settings: settings, key: secrets["TELNYX_API_KEY"] ?? "", group: group)
            case .mock: MockProvider()
            }
        desk = VoiceDesk(settings: settings, provider: provider, signatures: proof, ports: ports)
    }

    /// What keeps this worker from being of use, with what to set; and how its webhook knows the provider.
    static func check(_ settings: VoiceSettings, _ secrets: [String: String]) -> (ChannelFatal?, WebhookProof) {
        let place = "plugins.entries.voice-call.config"
        func fatal(_ words: String) -> (ChannelFatal?, WebhookProof) { (ChannelFatal(words), .telnyx(.nobody)) }
        if settings.provider != .mock, E164.number(settings.fromNumber) == nil {
            return fatal("\(place).fromNumber is missing or no number: write it as +15551234567")
        }
        let isUnsigned = settings.provider == .mock || settings.skipsSignatures
        if isUnsigned, !RequestAddress.isLoopback(settings.bind) {
            return fatal(
                settings.provider == .mock
                    ? "the mock provider's webhook has no signatures, so it listens on this machine alone: set \(place).serve.bind to 127.0.0.1"
                    : "\(place).skipSignatureVerification works on this machine alone: remove it, or set serve.bind to 127.0.0.1"
            )
        }
        switch settings.provider {
        case .mock: return (nil, .nothing)
        case .twilio:
            guard TwilioRequest.isName(settings.accountSid) else {
                return fatal(
                    "\(place).twilio.accountSid (or TWILIO_ACCOUNT_SID) is missing: the Twilio console shows it"
                )
            }
            guard let token = secrets["TWILIO_AUTH_TOKEN"], (1...256).contains(token.utf8.count) else {
                return fatal("\(place).twilio.authToken (or TWILIO_AUTH_TOKEN) is missing: the Twilio console shows it")
            }
            return (nil, settings.skipsSignatures ? .nothing : .twilio(TwilioSignature(token: token)))
        case .telnyx:
            guard let key = secrets["TELNYX_API_KEY"], (1...1024).contains(key.utf8.count),
                key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { return fatal("\(place).telnyx.apiKey (or TELNYX_API_KEY) is missing: the Telnyx portal makes one") }
            guard !settings.connectionId.isEmpty else {
                return fatal(
                    "\(place).telnyx.connectionId (or TELNYX_CONNECTION_ID) is missing: the Telnyx portal shows it"
                )
            }
            if settings.skipsSignatures { return (nil, .nothing) }
            guard let signature = secrets["TELNYX_PUBLIC_KEY"].flatMap({ TelnyxSignature(key: $0) }) else {
                return fatal(
                    "\(place).telnyx.publicKey (or TELNYX_PUBLIC_KEY) is missing or no key, and without it anybody could send "
                        + "calls here: the Telnyx portal shows it under Keys & Credentials"
                )
            }
            return (nil, .telnyx(signature))
        }
    }

    func run(_ intake: ChannelIntake) async throws {
        if let fatal { throw fatal }
        if settings.skipsSignatures {
            log.error(
                "skipSignatureVerification is on: whatever runs on this machine can send calls here. For tests only"
            )
        }
        let channel = try await listen(intake)
        defer { desk.leave() }
        let path = settings.path
        let gateway = VoiceDesk.Gateway(
            save: { try await intake.calls.save($0) },
            deliver: { try await intake.deliver([$0]) },
            addresses: { now in intake.publicURLs.current(path)?.accepted(at: now) ?? [] }
        )
        do {
            desk.open(try await intake.calls.known(), gateway)
            try await serve(intake)
        } catch {
            desk.leave()
            // What is held is answered, so that the provider comes again when the next incarnation is here.
            try? await channel.close()  // it ends with the process at the latest
            throw error
        }
    }

    private func serve(_ intake: ChannelIntake) async throws {
        let (path, usesTunnel) = (settings.path, settings.usesTunnel && settings.publicURL.isEmpty)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.desk.keepTime() }
            group.addTask {
                await self.report(intake)
                guard usesTunnel else { return }
                var told = ""
                for await address in intake.publicURLs.updates(path) {
                    if address.url != told, !address.url.isEmpty {
                        self.log.info("calls are answered as \(address.url)")
                    }
                    told = address.url
                    await self.report(intake, address)
                }
            }
            if settings.provider == .twilio {
                group.addTask {
                    guard case .failure(.refused(401, let words)) = await self.desk.provider.probe() else { return }
                    throw ChannelFatal(
                        "Twilio does not know these credentials (\(words)): check plugins.entries.voice-call.config.twilio "
                            + "(accountSid, authToken), or TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
                    )
                }
            }
            try await group.waitForAll()
        }
        try Task.checkCancellation()
    }

    private func report(_ intake: ChannelIntake, _ address: PublicURL? = nil) async {
        let isMissing = settings.usesTunnel && settings.publicURL.isEmpty && (address?.url ?? "").isEmpty
        await intake.status(
            status(isMissing ? "webhook: no public address yet\(words(address)) (clawhold tunnel status)" : "")
        )
    }

    private func words(_ address: PublicURL?) -> String {
        guard let why = address?.error, !why.isEmpty else { return "" }
        return ": \(why)"
    }

    private func status(_ trouble: String) -> HubChannelStatus {
        var status = HubChannelStatus()
        status.connected = trouble.isEmpty
        status.name = settings.fromNumber.isEmpty ? settings.provider.rawValue : settings.fromNumber
        status.error = trouble
        let isReached = settings.usesTunnel || !settings.publicURL.isEmpty || settings.provider == .mock
        status.mode = isReached ? "webhook" : "polling"
        if !isReached {
            status.warnings = [
                "no public address: calls can be made that say something and hang up, and nobody can talk. Set "
                    + "plugins.entries.voice-call.config.publicUrl or a tunnel"
            ]
        }
        return status
    }

    // MARK: Listening

    private func listen(_ intake: ChannelIntake) async throws -> any Channel {
        let desk = desk
        let listener = WebhookListener(VoiceDoor.rules(path: settings.path, proof: desk.signatures)) {
            await desk.receive($0)
        }
        var told = ""
        while true {
            do {
                let channel = try await listener.bind(host: settings.bind, port: settings.port, group: group)
                log.info("webhook listens on \(settings.bind):\(settings.port)\(settings.path)")
                return channel
            } catch {
                let words = Self.words(error, settings)
                if words != told { log.error("\(words)") }
                told = words
                await intake.status(status(words))
                try await Task.sleep(for: .seconds(5))
            }
        }
    }

    static func words(_ error: any Error, _ settings: VoiceSettings) -> String {
        let place = "\(settings.bind):\(settings.port)"
        let key = "plugins.entries.voice-call.config.serve"
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            return
                "webhook: the port \(place) is in use: ss -ltnp 'sport = :\(settings.port)' shows by whom; stop that program or "
                + "set another \(key).port"
        case EACCES: return "webhook: this worker may not listen on \(place): set \(key).port above 1023"
        default: return "webhook: cannot listen on \(place) (\(error)): check \(key).bind and port"
        }
    }

    // MARK: The contract

    func normalize(_ raw: [UInt8]) -> ChannelNormalization { SpokenWords.normalize(raw) }

    func send(_ send: HubSend) async -> HubSendResult {
        var result = HubSendResult()
        result.possibleDuplicate = send.inDoubt
        guard let target = SpokenWords.Target(decoding: send.target) else {
            return Self.rejected(result, "the target of this answer is no call")
        }
        let text = TwiML.plain(send.content.text).trimmingWhitespace
        guard send.content.kind == .message, !text.isEmpty else {
            return Self.rejected(result, "a telephone call carries spoken words alone")
        }
        guard await desk.isOpen(within: .seconds(3)) else {
            (result.outcome, result.retryAfterMs, result.error) = (.retry, 1000, "the worker is starting")
            return result
        }
        switch await desk.say(text, in: target.callId, event: "send:\(send.row)") {
        case .taken(let isDoubtful):
            result.outcome = .sent
            result.messageID = "\(target.callId):\(send.row)"
            result.possibleDuplicate = send.inDoubt || isDoubtful
        case .over(let words), .refused(let words): return Self.rejected(result, words)
        case .later(let milliseconds, let words):
            result.outcome = .retry
            result.retryAfterMs = UInt32(clamping: milliseconds)
            result.error = words
        case .unclear(let words):
            result.outcome = .retry
            result.retryAfterMs = 1000
            result.error = words
            result.possibleDuplicate = true
        }
        return result
    }

    private static func rejected(_ result: HubSendResult, _ words: String) -> HubSendResult {
        var result = result
        (result.outcome, result.error) = (.rejected, words)
        return result
    }

    /// Nothing shows a caller that somebody is at work; the line is open.
    func activity(_ target: [UInt8]) async {}

    func answer(method: String, params: [UInt8]) async -> [UInt8]? { await desk.answer(method, params) }
}
