internal import Runtime

/// What `voicecall` prints.
enum VoicePage {
    /// Calls that have ended and are listed.
    static let past = 10

    static func list(_ answer: JSON, now: Int64, style: Style, width: Int?) -> String {
        let calls = answer["calls"]?.array ?? []
        guard !calls.isEmpty else {
            return """
                There was no call yet. To make one:
                  clawhold voicecall call -t +15550001234 -m "Hello"
                """
        }
        let live = calls.filter(isLive)
        let ended = calls.filter { !isLive($0) }.prefix(past)
        let rows = (live + ended).map { call in
            TextTable.Row(cells: [
                TextTable.Cell(text: text(call["callId"])), TextTable.Cell(text: text(call["state"])),
                TextTable.Cell(text: other(call)),
                TextTable.Cell(text: Age.short(call["startedAt"], now: now)),
                TextTable.Cell(text: lasted(call, now)),
            ])
        }
        return TextTable.lines(
            ["CALL", "STATE", "WITH", "AGO", "LASTED"],
            limits: [40, nil, 24, nil, nil],
            rows,
            style: style,
            width: width
        ).joined(separator: "\n")
    }

    /// All of one.
    static func call(_ call: JSON, now: Int64, style: Style) -> String {
        var lines = [
            "\(style.bold(text(call["callId"])))  \(text(call["state"]))  \(other(call))",
            "  began \(Age.long(call["startedAt"], now: now)), lasted \(lasted(call, now))",
        ]
        let provider = [text(call["provider"]), text(call["providerCallId"])].filter { !$0.isEmpty }
        lines.append("  \(provider.joined(separator: " "))  mode \(text(call["mode"]))")
        let reason = text(call["endReason"])
        if !reason.isEmpty { lines.append("  ended: \(reason)") }
        for line in call["transcript"]?.array ?? [] {
            lines.append("  \(text(line["speaker"])): \(text(line["text"]))")
        }
        return lines.joined(separator: "\n")
    }

    /// One change, for `tail`.
    static func line(_ call: JSON) -> String {
        let time = call["updatedAt"]?.integer.map { Words.time(milliseconds: $0) } ?? "-"
        let last = call["transcript"]?.array?.last.map { "  \(text($0["speaker"])): \(text($0["text"]))" } ?? ""
        return "\(time)  \(text(call["callId"]))  \(text(call["state"]))  \(other(call))\(last)"
    }

    static func expose(_ mode: String?) -> String {
        let provider = mode == "serve" ? "tailscale-serve" : "tailscale-funnel"
        return """
            Nothing is changed: here tunnels make the webhook public, and they run with the gateway.
            Set plugins.entries.voice-call.config.tunnel.provider to "ngrok" or "\(provider)", or in clawhold.json
              tunnel: { provider: "\(provider)", expose: ["voice"] }
            then:  clawhold reload   and see its address with:  clawhold tunnel status
            """
    }

    private static func isLive(_ call: JSON) -> Bool {
        ["initiated", "ringing", "answered", "active", "speaking", "listening"].contains(text(call["state"]))
    }

    /// `to +15550001234`, `from +15550001234`.
    private static func other(_ call: JSON) -> String {
        text(call["direction"]) == "inbound" ? "from \(text(call["from"]))" : "to \(text(call["to"]))"
    }

    /// Since it was answered.
    private static func lasted(_ call: JSON, _ now: Int64) -> String {
        guard let began = call["answeredAt"]?.integer, began > 0 else { return "-" }
        let end = isLive(call) ? now : call["endedAt"]?.integer ?? now
        guard end >= began, end - began < 86_400_000 else { return "-" }
        return Words.duration(milliseconds: end - began)
    }

    private static func text(_ value: JSON?) -> String { Words.plain(value?.string ?? "") }
}
