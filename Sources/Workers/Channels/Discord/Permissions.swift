internal import Runtime

/// What a member may do in a channel. Source: Discord's documentation, "Permissions", "Permission Overwrites".
struct Permissions {
    private let bits: UInt64

    private static let administrator: UInt64 = 1 << 3

    /// - Parameters are the objects as REST gives them.
    init(guild: JSON, member: JSON, channel: JSON, user: String) {
        let guildID = guild["id"]?.string ?? ""
        let roles = Set((member["roles"]?.array ?? []).compactMap(\.string))
        guard guild["owner_id"]?.string != user || user.isEmpty else {
            bits = .max
            return
        }
        var bits: UInt64 = 0
        for role in guild["roles"]?.array ?? [] {
            guard let id = role["id"]?.string, id == guildID || roles.contains(id) else { continue }
            bits |= Self.number(role["permissions"])
        }
        guard bits & Self.administrator == 0 else {
            self.bits = .max
            return
        }
        let overwrites = channel["permission_overwrites"]?.array ?? []
        func apply(_ rows: [JSON]) {
            bits &= ~rows.reduce(0) { $0 | Self.number($1["deny"]) }
            bits |= rows.reduce(0) { $0 | Self.number($1["allow"]) }
        }
        apply(overwrites.filter { $0["id"]?.string == guildID })
        apply(overwrites.filter { roles.contains($0["id"]?.string ?? "") && $0["type"]?.integer == 0 })
        apply(overwrites.filter { $0["id"]?.string == user && $0["type"]?.integer == 1 })
        self.bits = bits
    }

    private static func number(_ json: JSON?) -> UInt64 {
        switch json {
        case .string(let text)?: UInt64(text) ?? 0
        case .integer(let value)?: UInt64(clamping: value)
        default: 0
        }
    }

    /// What a bot needs and this one lacks, as Discord's documentation calls it.
    var missing: [String] {
        let needed: [(String, UInt64)] = [
            ("ViewChannel", 1 << 10), ("SendMessages", 1 << 11), ("ReadMessageHistory", 1 << 16),
        ]
        return needed.filter { bits & $0.1 == 0 }.map(\.0)
    }
}
