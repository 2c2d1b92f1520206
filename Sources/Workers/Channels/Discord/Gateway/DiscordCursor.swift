internal import Runtime

/// Where this account goes on after a restart: kept by the gateway, committed with every event. JSON, a few KiB at most.
struct DiscordCursor: Equatable, Sendable {
    /// The first eight hexadecimal digits of the token's SHA-256: another token's session must not be resumed.
    var token = ""
    var botID = ""
    var botName = ""
    var applicationID = ""
    /// Of the slash commands that were registered last.
    var commands = ""
    var session: GatewayPlan.Session?
    /// When this cursor was made, milliseconds since 1970: what is older was heard.
    var heardMilliseconds: Int64 = 0
    /// The last message of each channel that was heard of lately.
    var marks: [String: String] = [:]
    /// Direct channels by user.
    var directs: [String: String] = [:]

    static let markLimit = 48
    static let directLimit = 32
    /// A cursor that is longer was not made here.
    static let limitBytes = 32 << 10

    init() {}

    /// Nil when the bytes are not a cursor of ours; the worker then begins anew.
    init?(decoding bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= Self.limitBytes, let json = try? JSON(parsing: bytes),
            json["v"]?.integer == 1
        else { return nil }
        token = json["t"]?.string ?? ""
        botID = json["b"]?.string ?? ""
        botName = json["n"]?.string ?? ""
        applicationID = json["a"]?.string ?? ""
        commands = json["c"]?.string ?? ""
        heardMilliseconds = max(0, min(json["w"]?.integer ?? 0, 1 << 52))
        if let id = json["s"]?.string, let url = json["u"]?.string, let seq = json["q"]?.integer,
            seq >= 0, !id.isEmpty
        {
            session = .init(id: id, resumeURL: url, seq: seq)
        }
        marks = Self.ids(json["m"], limit: Self.markLimit)
        directs = Self.ids(json["d"], limit: Self.directLimit)
    }

    private static func ids(_ json: JSON?, limit: Int) -> [String: String] {
        var ids: [String: String] = [:]
        for member in (json?.object?.members ?? []).prefix(limit) {
            guard Snowflake.isValid(member.key), let id = member.value.string, Snowflake.isValid(id) else { continue }
            ids[member.key] = id
        }
        return ids
    }

    var encoded: [UInt8] {
        var object = JSONObject()
        object["v"] = 1
        object["t"] = .string(token)
        object["b"] = .string(botID)
        object["n"] = .string(botName)
        object["a"] = .string(applicationID)
        object["c"] = .string(commands)
        object["w"] = .integer(heardMilliseconds)
        if let session {
            object["s"] = .string(session.id)
            object["u"] = .string(session.resumeURL)
            object["q"] = .integer(session.seq)
        }
        func ids(_ map: [String: String]) -> JSON {
            .object(
                JSONObject(members: map.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) })
            )
        }
        object["m"] = ids(marks)
        object["d"] = ids(directs)
        return JSON.object(object).encoded()
    }

    /// Notes a message; of too many channels the one that was silent longest is forgotten.
    mutating func mark(_ message: String, in channel: String) {
        if let known = marks[channel], Snowflake.precedes(message, known) { return }
        marks[channel] = message
        guard marks.count > Self.markLimit else { return }
        if let oldest = marks.min(by: { Snowflake.precedes($0.value, $1.value) }) { marks[oldest.key] = nil }
    }

    mutating func noteDirect(_ channel: String, with user: String) {
        directs[user] = channel
        guard directs.count > Self.directLimit else { return }
        let marks = marks
        func isOlder(_ first: String, _ second: String) -> Bool {
            Snowflake.precedes(marks[first] ?? "0", marks[second] ?? "0")
        }
        if let oldest = directs.filter({ $0.key != user }).min(by: { isOlder($0.value, $1.value) }) {
            directs[oldest.key] = nil
        }
    }
}
