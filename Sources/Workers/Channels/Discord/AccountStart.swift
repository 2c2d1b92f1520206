internal import Config
internal import IPCControl
internal import IPCHub
internal import Logging
internal import Runtime

/// What has to be known and done when an account starts: who the bot is, which intents it is granted, its commands.
///
/// With a session in the cursor nothing is asked before the RESUME: the rest follows beside it.
struct AccountStart {
    let api: DiscordAPI
    let config: DiscordConfig
    let cursor: SharedCursor
    let status: AccountStatus
    let log: Logger

    /// Takes over the journal's cursor, as far as it belongs to this token. True when there is a session to resume.
    func adopt(_ bytes: [UInt8], token: String) -> Bool {
        let print = Hex.encode(SHA256.hash(token.utf8).prefix(4))
        var known = DiscordCursor()
        if let kept = DiscordCursor(decoding: bytes) {
            known = kept
            // Another token may be the same bot's: its marks are kept until READY says who it is.
            if kept.token != print { known.session = nil }
        } else if !bytes.isEmpty {
            log.warning("what the journal knew of this account cannot be read: it starts anew")
            status.gap("messages may have been lost: what the journal knew of this account cannot be read")
        }
        known.token = print
        if known.botID.isEmpty { known.session = nil }
        let adopted = known
        cursor.change { $0 = adopted }
        status.update {
            $0.name = adopted.botName
            $0.botID = adopted.botID
        }
        return adopted.session != nil
    }

    private var wanted: Intents {
        Intents(presence: config.presenceIntent, guildMembers: config.guildMembersIntent)
    }

    /// The intents to identify with. Without a session Discord is asked first who the bot is and what it is granted.
    func identify(known: Bool) async throws -> Intents {
        guard !known else { return wanted }
        let me = try await insist(.me)
        let id = me["id"]?.string ?? ""
        let name = String((me["username"]?.string ?? id).prefix(64))
        cursor.change { cursor in
            if cursor.botID != id {
                (cursor.marks, cursor.directs, cursor.commands, cursor.heardMilliseconds) = ([:], [:], "", 0)
            }
            cursor.botID = id
            cursor.botName = name
        }
        status.update {
            $0.name = name
            $0.botID = id
        }
        return apply(try await insist(.application))
    }

    /// What a resumed account learns late, and the commands.
    func complete(known: Bool) async throws {
        if known { _ = apply(try await insist(.application)) }
        try await registerCommands()
    }

    private func apply(_ application: JSON) -> Intents {
        if let id = application["id"]?.string, Snowflake.isValid(id) { cursor.change { $0.applicationID = id } }
        guard let flags = application["flags"]?.integer else { return wanted }
        let (intents, warnings) = ApplicationFlags(bits: flags).granted(wanted)
        for warning in warnings { log.warning("\(warning)") }
        status.update { $0.warnings = warnings }
        return intents
    }

    private func registerCommands() async throws {
        guard let commands = config.commands else { return }
        let current = cursor.current
        let hash = CommandList.hash(commands)
        guard current.commands != hash, !current.applicationID.isEmpty else { return }
        let call = DiscordCall.registerCommands(CommandList.json(commands), application: current.applicationID)
        for attempt in 0..<5 {
            switch await api.call(call, patience: .seconds(30)) {
            case .success:
                cursor.change { $0.commands = hash }
                return log.info("\(min(commands.count, CommandList.limit)) slash commands were registered")
            case .failure(.refused(let status, let code, let message)):
                return log.warning("the slash commands were not registered: \(status) \(message) (code \(code))")
            case .failure(let failure):
                log.warning("the slash commands are not registered yet: \(failure.words)")
                try await Task.sleep(for: .seconds(30) * (attempt + 1))
            }
        }
    }

    /// Repeats a call until it succeeds; pauses 1 s, doubling up to 60 s, or as Discord asks.
    private func insist(_ call: DiscordCall) async throws -> JSON {
        var pause = Duration.seconds(1)
        while true {
            let failure: CallFailure
            switch await api.call(call) {
            case .success(let json): return json
            case .failure(let reason): failure = reason
            }
            if case .badToken(let words) = failure {
                throw ChannelFatal(
                    "Discord refused the bot token (\(words)): check DISCORD_BOT_TOKEN or channels.discord.token; "
                        + "\(CloseMeaning.portal) → the application → Bot → Reset Token shows a new one"
                )
            }
            let words = "Discord cannot be asked who this bot is: \(failure.words)"
            log.warning("\(words)")
            status.update {
                $0.connected = false
                $0.error = words
            }
            var wait = pause * Double.random(in: 0.75..<1.25)
            if case .tooMany(let after, _) = failure { wait = max(wait, after) }
            try await Task.sleep(for: wait)
            pause = min(pause * 2, .seconds(60))
        }
    }
}
