internal import IPCHub
internal import Logging
internal import Runtime
internal import Synchronization

/// Empties the queue into the gateway's journal: puts the names around each event, keeps the cursor, asks again for what a
/// lost session missed. One task.
struct EventIntake {
    let account: String
    let api: DiscordAPI
    let names: NameCache
    let queue: EventQueue
    let interactions: Interactions
    let status: AccountStatus
    let log: Logger
    let intake: ChannelIntake
    /// The rooms of the access lists: asked again after a lost session even when nothing was heard in them.
    let watched: [String]
    /// Changed by others too: DM channels that were opened, commands that were registered.
    let cursor: SharedCursor
    let journaled: @Sendable (Int64) async -> Void
    let drained: @Sendable () async -> Void

    /// How long names may keep an event from the journal.
    static let namesTime = Duration.milliseconds(1500)
    /// The cursor moves this often when nothing else moves it.
    static let quietTime = Duration.seconds(1)
    static let aliveTime = Duration.seconds(120)
    /// How long a lost session's messages are insisted on; new ones wait meanwhile.
    static let backfillTime = Duration.seconds(60)

    func run() async throws {
        var lastMove = ContinuousClock.now - Self.aliveTime
        var isDirty = false
        while true {
            let (items, hadOverflown) = await queue.take()
            try Task.checkCancellation()
            let before = cursor.current.session?.seq
            var events: [ChannelEvent] = []
            var ids: [String] = []
            for item in items {
                switch item {
                case .event(let type, let bytes, let seq, let session):
                    if let (event, id) = await prepare(type, bytes, seq, session) {
                        events.append(event)
                        if let id { ids.append(id) }
                    }
                case .pass(let seq):
                    cursor.change { $0.session?.seq = seq }
                    isDirty = true
                case .session(let session, let bot):
                    try await deliver(&events, &ids)
                    try await began(session, bot)
                    isDirty = true
                case .alive:
                    if ContinuousClock.now - lastMove >= Self.aliveTime { isDirty = true }
                }
            }
            if !events.isEmpty {
                try await deliver(&events, &ids)
                (isDirty, lastMove) = (false, .now)
            }
            if isDirty, ContinuousClock.now - lastMove >= Self.quietTime {
                await intake.move(to: cursor.stamped())
                (isDirty, lastMove) = (false, .now)
            }
            // What is not moved now is with the next thing that comes: a heartbeat's answer at the latest.
            if let seq = cursor.current.session?.seq, seq != before { await journaled(seq) }
            if hadOverflown { await drained() }
        }
    }

    /// Returns when the gateway has them. One that cannot take them now is asked again, in the same order.
    private func deliver(_ events: inout [ChannelEvent], _ ids: inout [String]) async throws {
        guard !events.isEmpty else { return }
        var pause = Duration.seconds(1)
        while true {
            do {
                try await intake.deliver(events)
                break
            } catch let refusal as ChannelRefusal {
                let words = "messages wait here: \(refusal)"
                log.warning("\(words)")
                status.update { $0.error = words }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(30))
            }
        }
        if pause > .seconds(1) { status.update { $0.error = "" } }
        for id in ids { interactions.journaled(id) }
        events = []
        ids = []
    }

    // MARK: One event

    private func prepare(
        _ type: String,
        _ bytes: [UInt8],
        _ seq: Int64,
        _ session: String
    ) async -> (ChannelEvent, interaction: String?)? {
        cursor.change { if $0.session?.id == session { $0.session?.seq = seq } }
        guard let facts = Envelope.Facts(type, bytes) else {
            let gap = "an event \(type) that cannot be read was left out: one message may be lost"
            log.warning("\(gap)")
            status.gap(gap)
            return nil
        }
        guard let event = await event(facts, bytes, seq: seq, session: session) else { return nil }
        return (event, type == "INTERACTION_CREATE" ? facts.id : nil)
    }

    private func event(_ facts: Envelope.Facts, _ bytes: [UInt8], seq: Int64, session: String) async -> ChannelEvent? {
        let envelope = await envelope(facts, bytes)
        let raw = envelope.encoded(bytes)
        guard raw.count <= DiscordLimits.eventBytes else {
            let gap = "a message of \(bytes.count) bytes in channel \(facts.channel) was left out: one message was lost"
            log.error("\(gap)")
            status.gap(gap)
            return nil
        }
        cursor.change { cursor in
            guard facts.type == "MESSAGE_CREATE" else { return }
            cursor.mark(facts.id, in: facts.channel)
            if facts.guild == nil, envelope.channel?.type ?? 1 == 1, !facts.user.isEmpty {
                cursor.noteDirect(facts.channel, with: facts.user)
            }
        }
        if facts.guild == nil, facts.type == "MESSAGE_CREATE", envelope.channel?.type ?? 1 == 1 {
            names.noteDirect(facts.channel, with: facts.user)
        }
        return ChannelEvent(
            key: facts.key(account: account, seq: seq, session: session),
            raw: raw,
            cursor: cursor.stamped()
        )
    }

    private func envelope(_ facts: Envelope.Facts, _ bytes: [UInt8]) async -> Envelope {
        let current = cursor.current
        let bot = BotIdentity(id: current.botID, name: current.botName, application: current.applicationID)
        var envelope = Envelope(bot: bot, facts: facts)
        if let guild = facts.guild, !isKnown(facts), names.mayAsk("\(guild)/\(facts.channel)", at: .now) {
            await learn(facts, bot: bot.id)
        }
        envelope.guild = facts.guild.flatMap { names.guild($0) }
        envelope.channel = names.channel(facts.channel)
        envelope.parent = envelope.channel?.parent.flatMap { names.channel($0) }
        if envelope.channel?.isThread == true { envelope.starter = names.starter(facts.channel) ?? "" }
        if facts.type.hasPrefix("MESSAGE_REACTION") { envelope.isOwn = names.isOwn(facts.id) }
        let named = Envelope.named(in: bytes)
        for id in named.channels { envelope.channels[id] = names.channel(id)?.name }
        for id in named.roles { envelope.roles[id] = envelope.guild?.roles[id] }
        return envelope
    }

    private func isKnown(_ facts: Envelope.Facts) -> Bool {
        guard let guild = facts.guild, names.guild(guild) != nil, let channel = names.channel(facts.channel) else {
            return false
        }
        guard channel.isThread else { return true }
        return names.starter(facts.channel) != nil && channel.parent.map { names.channel($0) != nil } ?? true
    }

    /// Asks REST for the names that no event has told since this worker started. An event is journaled without them rather
    /// than late.
    private func learn(_ facts: Envelope.Facts, bot: String) async {
        guard let guild = facts.guild else { return }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                // Together, because neither needs the other.
                async let one: Void = names.guild(guild) == nil ? learnGuild(guild, bot) : ()
                async let two: Void = learnChannel(facts.channel, guild)
                _ = await (one, two)
                return true
            }
            group.addTask {
                // Cancelled when the names are there.
                try? await Task.sleep(for: Self.namesTime)
                return false
            }
            _ = await group.next()
            group.cancelAll()
        }
    }

    private func learnGuild(_ id: String, _ bot: String) async {
        guard case .success(let json) = await api.call(.guild(id), patience: .seconds(1)) else { return }
        try? names.takeGuild(RawJSON(json.encoded()), bot: bot)
    }

    private func learnChannel(_ id: String, _ guild: String) async {
        if names.channel(id) == nil, case .success(let json) = await api.call(.channel(id), patience: .seconds(1)) {
            try? names.takeChannel(RawJSON(json.encoded()), guild: guild)
        }
        guard let channel = names.channel(id), channel.isThread else { return }
        if let parent = channel.parent, names.channel(parent) == nil,
            case .success(let json) = await api.call(.channel(parent), patience: .seconds(1))
        {
            try? names.takeChannel(RawJSON(json.encoded()), guild: guild)
        }
        guard names.starter(id) == nil else { return }
        // The message that a thread hangs on bears its id; a forum's post has it inside.
        let isPost = channel.parent.flatMap { names.channel($0) }?.isForum ?? false
        let place = isPost ? id : channel.parent ?? id
        switch await api.call(.message(id, in: place), patience: .seconds(1)) {
        case .success(let json):
            names.noteStarter(String((json["content"]?.string ?? "").prefix(500)), of: id)
        case .failure(.refused): names.noteStarter("", of: id)
        case .failure: break
        }
    }

    // MARK: Sessions

    private func began(_ session: GatewayPlan.Session, _ bot: BotIdentity) async throws {
        let before = cursor.current
        cursor.change { cursor in
            // Not yet the new one: whoever resumed it would be told of nothing that came before it.
            cursor.session = nil
            if cursor.botID != bot.id { (cursor.marks, cursor.directs) = ([:], [:]) }
            cursor.botID = bot.id
            cursor.botName = bot.name
            if !bot.application.isEmpty { cursor.applicationID = bot.application }
        }
        if before.heardMilliseconds > 0, before.botID == bot.id {
            let backfill = Backfill(
                heard: before.heardMilliseconds,
                marks: before.marks,
                directs: Set(before.directs.values),
                watched: watched,
                now: WallClock.milliseconds
            )
            try await fetch(backfill)
        }
        cursor.change { $0.session = session }
    }

    private func fetch(_ backfill: Backfill) async throws {
        var missed = backfill.gap.map { [$0] } ?? []
        var count = 0
        let deadline = ContinuousClock.now + Self.backfillTime
        for place in backfill.places {
            var after = place.after
            var pages = 0
            while pages < DiscordLimits.backfillPages {
                pages += 1
                let rows: [JSON]
                switch try await insist(.messages(in: place.channel, after: after), until: deadline) {
                case .success(let json): rows = json.array ?? []
                case .failure(.refused(let status, _, _)) where status == 403 || status == 404:
                    rows = []
                case .failure(let failure):
                    missed.append("channel \(place.channel) could not be read again (\(failure.words))")
                    rows = []
                }
                try Task.checkCancellation()
                let sorted = rows.compactMap { row in row["id"]?.string.map { (id: $0, row: row) } }
                    .filter { Snowflake.isValid($0.id) }
                    .sorted { Snowflake.precedes($0.id, $1.id) }
                guard let last = sorted.last?.id else { break }
                count += try await deliver(sorted.map(\.row), of: place)
                guard sorted.count >= 50, last != after else { break }
                after = last
                if pages == DiscordLimits.backfillPages {
                    missed.append("channel \(place.channel) had more than \(pages * 50) messages")
                }
            }
        }
        if count > 0 { log.info("\(count) messages of the lost session were asked for again") }
        if !missed.isEmpty {
            let gap = "messages may have been lost while Discord kept no session: \(missed.joined(separator: "; "))"
            log.error("\(gap)")
            status.gap(gap)
        }
    }

    /// Repeats a call that failed for a reason that passes: sessions are lost when Discord itself is in trouble, and what is
    /// not had now counts as lost. Pauses of 1 s, doubling, or as Discord says, none beyond `deadline`.
    private func insist(
        _ call: DiscordCall,
        until deadline: ContinuousClock.Instant
    ) async throws -> Result<JSON, CallFailure> {
        var pause = Duration.seconds(1)
        while true {
            let result = await api.call(call, patience: .seconds(10))
            try Task.checkCancellation()
            guard case .failure(let failure) = result, let wait = failure.pause(or: pause),
                ContinuousClock.now + wait < deadline
            else { return result }
            try await Task.sleep(for: wait)
            pause *= 2
        }
    }

    /// Journals messages as REST gives them, which is without their guild.
    private func deliver(_ rows: [JSON], of place: Backfill.Place) async throws -> Int {
        let bot = cursor.current.botID
        var events: [ChannelEvent] = []
        var none: [String] = []
        for row in rows where row["author"]?["id"]?.string != bot {
            guard var object = row.object else { continue }
            if !place.isDirect, let guild = await self.guild(of: place.channel) { object["guild_id"] = .string(guild) }
            let bytes = JSON.object(object).encoded()
            guard let facts = Envelope.Facts("MESSAGE_CREATE", bytes),
                let event = await event(facts, bytes, seq: 0, session: "")
            else { continue }
            events.append(event)
        }
        let count = events.count
        try await deliver(&events, &none)
        return count
    }

    private func guild(of channel: String) async -> String? {
        if names.channel(channel) == nil,
            case .success(let json) = await api.call(.channel(channel), patience: .seconds(2))
        {
            try? names.takeChannel(RawJSON(json.encoded()), guild: nil)
        }
        return names.channel(channel)?.guild
    }
}
