internal import Runtime

/// Answers `probe`: what Discord says about the bot now, and whether it may read and write in the rooms of the access
/// lists. JSON in the shape of `channels.status`.
struct Probe {
    let api: DiscordAPI
    let watched: [String]

    /// Rooms that are looked at.
    static let roomLimit = 20

    func run() async -> JSON {
        let began = ContinuousClock.now
        var answer = JSONObject()
        answer["ok"] = false
        answer["status"] = .null
        answer["error"] = .null
        let me = await api.call(.me)
        let application = await api.call(.application)
        switch me {
        case .failure(let failure):
            answer["error"] = .string(failure.words)
            if let status = Self.status(failure) { answer["status"] = .integer(Int64(status)) }
        case .success(let me):
            answer["ok"] = true
            answer["bot"] = ["id": me["id"] ?? .null, "username": me["username"] ?? .null]
            if case .success(let application) = application { answer["application"] = Self.application(application) }
            let id = me["id"]?.string ?? ""
            if !watched.isEmpty { answer["audit"] = await audit(bot: id) }
        }
        let elapsed = ContinuousClock.now - began
        answer["elapsedMs"] = .integer(
            elapsed.components.seconds * 1000 + elapsed.components.attoseconds / 1_000_000_000_000_000
        )
        return .object(answer)
    }

    private static func status(_ failure: CallFailure) -> Int? {
        switch failure {
        case .badToken: 401
        case .tooMany: 429
        case .refused(let status, _, _): status
        case .unreached, .unknown: nil
        }
    }

    private static func application(_ json: JSON) -> JSON {
        let flags = ApplicationFlags(bits: json["flags"]?.integer ?? 0)
        return [
            "id": json["id"] ?? .null,
            "flags": json["flags"] ?? .null,
            "intents": [
                "messageContent": .string(flags.messageContent.rawValue),
                "guildMembers": .string(flags.guildMembers.rawValue),
                "presence": .string(flags.presence.rawValue),
            ],
        ]
    }

    private func audit(bot: String) async -> JSON {
        var rooms: [JSON] = []
        var known: [String: (guild: JSON, member: JSON)] = [:]
        let ids = watched.filter { Snowflake.isValid($0) }
        for id in ids.prefix(Self.roomLimit) {
            rooms.append(await room(id, bot, &known))
        }
        return [
            "ok": .bool(rooms.allSatisfy { $0["ok"]?.bool == true }),
            "checkedChannels": .integer(Int64(rooms.count)),
            "unresolvedChannels": .integer(Int64(watched.count - ids.count)),
            "channels": .array(rooms),
        ]
    }

    private func room(_ id: String, _ bot: String, _ known: inout [String: (guild: JSON, member: JSON)]) async -> JSON {
        func bad(_ words: String, missing: [String] = []) -> JSON {
            ["id": .string(id), "ok": false, "missing": .array(missing.map { .string($0) }), "error": .string(words)]
        }
        let channel: JSON
        switch await api.call(.channel(id)) {
        case .success(let json): channel = json
        case .failure(let failure):
            if case .refused(_, let code, _) = failure, let advice = SendPlan.advice(code, "channel \(id)") {
                return bad("\(failure.words): \(advice)", missing: ["ViewChannel"])
            }
            return bad(failure.words)
        }
        guard let guildID = channel["guild_id"]?.string, Snowflake.isValid(guildID) else {
            return ["id": .string(id), "ok": true, "missing": []]
        }
        if known[guildID] == nil, case .success(let guild) = await api.call(.guild(guildID)),
            case .success(let member) = await api.call(.member(bot, of: guildID))
        {
            known[guildID] = (guild, member)
        }
        guard let (guild, member) = known[guildID] else {
            return bad("its server could not be asked for the bot's roles")
        }
        let missing = Permissions(guild: guild, member: member, channel: channel, user: bot).missing
        return missing.isEmpty
            ? ["id": .string(id), "ok": true, "missing": []]
            : bad(
                "the bot lacks \(missing.joined(separator: ", ")) there: channel settings → Permissions",
                missing: missing
            )
    }
}
