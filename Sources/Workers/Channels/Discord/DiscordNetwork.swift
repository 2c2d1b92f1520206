internal import Config
internal import IPCControl
internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime
internal import Synchronization

/// The CONFIG of this worker, its address without a slash at the end.
func decodeSettings(_ bytes: [UInt8]) throws -> DiscordConfig {
    var config = bytes.isEmpty ? DiscordConfig() : try decodeSlice(DiscordConfig.self, from: bytes)
    while config.apiRoot.hasSuffix("/") { config.apiRoot.removeLast() }
    return config
}

/// One bot account: hears the gateway's events and delivers answers. The connection is `GatewayDriver`'s, the way into the
/// journal `EventIntake`'s, the way out `Sender`'s.
final class DiscordNetwork: ChannelNetwork {
    private let config: DiscordConfig
    private let token: String
    private let loop: any EventLoop
    private let log: Logger
    private let api: DiscordAPI
    private let names = NameCache()
    private let status = AccountStatus()
    private let cursor = SharedCursor(DiscordCursor())
    private let sender: Sender
    private let reader: EventReader
    let media: (any MediaOwner)?

    init(config: DiscordConfig, token: String, worker: Worker) {
        self.config = config
        self.token = Self.bare(token)
        loop = worker.eventLoop
        log = worker.log
        api = DiscordAPI(root: config.apiRoot, token: self.token, group: worker.group)
        reader = EventReader(owner: worker.start.id.rawValue)
        sender = Sender(api: api, config: config, names: names, cursor: cursor, log: log) { media, limit, chunk in
            try await MediaFetch.open(worker, media, limit: limit, within: .seconds(110), chunk: chunk)
        }
        media = FileServer(
            api: api,
            isSecure: config.apiRoot.hasPrefix("https://"),
            limit: UInt64(clamping: max(1, config.mediaMaxMegabytes)) * 1_000_000
        )
    }

    func run(_ intake: ChannelIntake) async throws {
        guard Self.isPlausible(token) else {
            throw ChannelFatal(
                "the Discord bot token has an impossible form: check DISCORD_BOT_TOKEN or channels.discord.token; "
                    + "\(CloseMeaning.portal) → the application → Bot → Reset Token shows a new one"
            )
        }
        let start = AccountStart(api: api, config: config, cursor: cursor, status: status, log: log)
        let known = start.adopt(intake.cursor, token: token)
        let publishing = Task { [status] in await status.publish(to: intake) }
        defer { publishing.cancel() }
        let intents = try await start.identify(known: known)
        let queue = EventQueue()
        let interactions = Interactions(api: api, commands: config.commands, log: log)
        let current = cursor.current
        let driver = GatewayDriver(
            session: current.session,
            intents: intents,
            bot: BotIdentity(id: current.botID, name: current.botName, application: current.applicationID),
            parts: .init(
                token: token,
                api: api,
                loop: loop,
                log: log,
                status: status,
                names: names,
                queue: queue,
                interactions: interactions
            )
        )
        let events = EventIntake(
            account: config.account,
            api: api,
            names: names,
            queue: queue,
            interactions: interactions,
            status: status,
            log: log,
            intake: intake,
            watched: config.watchedChannels,
            cursor: cursor,
            journaled: { await driver.journaled($0) },
            drained: { await driver.drained() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await driver.run() }
            group.addTask { try await events.run() }
            group.addTask { try await start.complete(known: known) }
            defer { group.cancelAll() }
            // The first two end only by a reason of theirs; the third when there is nothing left to do.
            while let _: Void = try await group.next() {}
        }
    }

    func normalize(_ raw: [UInt8]) -> ChannelNormalization { reader.read(raw) }

    func send(_ send: HubSend) async -> HubSendResult { await sender.send(send) }

    func activity(_ target: [UInt8]) async {
        guard let target = ReplyTarget(decoding: target), case .success(let channel) = await sender.channel(of: target)
        else { return }
        // Ephemeral: what is not shown is not missed.
        _ = await api.call(.typing(in: channel), patience: .milliseconds(500))
    }

    func answer(method: String, params: [UInt8]) async -> [UInt8]? {
        guard method == "probe" else { return nil }
        return await Probe(api: api, watched: config.watchedChannels).run().encoded()
    }

    /// People copy the header's `Bot ` along.
    static func bare(_ token: String) -> String {
        var token = token[...]
        while let first = token.first, first.isWhitespace { token = token.dropFirst() }
        while let last = token.last, last.isWhitespace { token = token.dropLast() }
        return token.hasPrefix("Bot ") ? String(token.dropFirst(4)) : String(token)
    }

    /// Guards the header that the token becomes part of.
    static func isPlausible(_ token: String) -> Bool {
        (1...256).contains(token.utf8.count)
            && token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
    }
}
