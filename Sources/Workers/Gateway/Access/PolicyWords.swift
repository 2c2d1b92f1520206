internal import Config

/// Who is admitted by an account, in sentences for its operator.
struct PolicyWords {
    let access: ChannelAccess

    var lines: [String] { access.isTelephone ? calls : [direct, groups, places] }

    /// Its worker has judged the callers before the gateway hears of them.
    private var calls: [String] {
        let commanders = access.commandsFrom?.count ?? 0
        return [
            "Callers: as \(path("inboundPolicy")) and \(path("allowFrom")) say; the others are refused before they are heard.",
            "Commands: \(commanders == 0 ? "from nobody" : "from \(commanders) numbers") (commands.allowFrom.voice-call).",
        ]
    }

    private var direct: String {
        guard access.dmEnabled else { return "Direct messages: nobody (\(path("dmEnabled")) is false)." }
        let people = access.allowFrom.isEmpty ? "nobody is" : "\(access.allowFrom.count) entries are"
        return switch access.dmPolicy {
        case .disabled: "Direct messages: nobody (\(path("dmPolicy")) is disabled)."
        case .open: "Direct messages: everybody (\(path("dmPolicy")) is open)."
        case .allowlist: "Direct messages: who is in \(path("allowFrom")) (\(people) in it) or was paired."
        case .pairing:
            "Direct messages: who is in \(path("allowFrom")) (\(people) in it) or was paired; others get a pairing code."
        }
    }

    private var groups: String {
        switch access.groupPolicy {
        case .disabled: "Groups: none (\(path("groupPolicy")) is disabled)."
        case .open: "Groups: everybody in them (\(path("groupPolicy")) is open)."
        case .allowlist where access.channel == "discord": "Servers: only those in \(path("guilds"))."
        case .allowlist where access.groupAllowFrom == nil:
            "Groups: who is in \(path("allowFrom")), as there is no \(path("groupAllowFrom"))."
        case .allowlist: "Groups: who is in \(path("groupAllowFrom"))."
        }
    }

    private var places: String {
        if access.channel == "discord" {
            let guilds = access.guilds ?? [:]
            let names = guilds.keys.sorted().prefix(10).map { Shown.text($0) }.joined(separator: ", ")
            return guilds.isEmpty
                ? "Servers listed: none."
                : "Servers listed: \(names). A mention is needed unless requireMention is false."
        }
        let names = access.groups.keys.sorted().prefix(10).map { Shown.text($0) }.joined(separator: ", ")
        let listed = access.groups.isEmpty ? "any group" : "the groups \(names)"
        return "Places: \(listed). A mention is needed unless requireMention is false."
    }

    private func path(_ key: String) -> String { ConfigLine.path(access.path(key)) }
}
