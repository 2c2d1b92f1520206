internal import Runtime

/// What `tunnel status` prints.
enum TunnelPage {
    static func status(_ answer: JSON, now: Int64, style: Style, width: Int?) -> String {
        let tunnels = answer["tunnels"]?.array ?? []
        guard !tunnels.isEmpty else {
            return """
                There is no tunnel. To have one, in clawhold.json:
                  tunnel: { provider: "ngrok", expose: ["telegram"] }
                then:  clawhold reload
                """
        }
        return tunnels.prefix(8).map { section($0, now, style, width).joined(separator: "\n") }
            .joined(separator: "\n\n")
    }

    /// Whether every tunnel answers. Without one there is nothing to answer.
    static func isUp(_ answer: JSON) -> Bool {
        (answer["tunnels"]?.array ?? []).allSatisfy { text($0["state"]) == "up" }
    }

    private static func section(_ tunnel: JSON, _ now: Int64, _ style: Style, _ width: Int?) -> [String] {
        let state = text(tunnel["state"])
        let url = text(tunnel["url"])
        let since = Age.short(tunnel["since"], now: now)
        var head = "\(style.bold(text(tunnel["worker"])))  \(paint(state, style))"
        if since != "-", state != "absent" { head += " for \(since)" }
        if !url.isEmpty { head += "  \(url)" }
        var lines = [head]
        let error = text(tunnel["error"])
        if !error.isEmpty {
            let words = Words.wrapped(error, width: width ?? .max, indent: 2)
            lines += words.map { state == "starting" ? $0 : style.bad($0) }
        }
        if tunnel["public"]?.bool == false { lines.append("  seen from your tailnet alone") }
        let facts = [restarts(tunnel), next(tunnel, now), refused(tunnel)].filter { !$0.isEmpty }.joined(
            separator: ", "
        )
        if !facts.isEmpty { lines.append("  \(style.dim(facts))") }
        return lines + routes(tunnel, now, style, width)
    }

    private static func routes(_ tunnel: JSON, _ now: Int64, _ style: Style, _ width: Int?) -> [String] {
        let detail = tunnel["detail"]?["routes"]?.array ?? []
        let rows = (tunnel["routes"]?.array ?? []).prefix(32).map { route -> TextTable.Row in
            let path = text(route["path"])
            let own = detail.first { text($0["path"]) == path }
            let port = own?["port"]?.integer.map { "127.0.0.1:\($0)" } ?? "-"
            let last = Age.short(own?["lastAt"], now: now)
            let status = own?["lastStatus"]?.integer ?? 0
            let worker = text(route["worker"])
            return TextTable.Row(cells: [
                TextTable.Cell(text: path), TextTable.Cell(text: port),
                TextTable.Cell(text: own.map { "\($0["requests"]?.integer ?? 0)" } ?? "-", isNumber: true),
                TextTable.Cell(text: last == "-" ? "-" : "\(last) ago (\(status))"),
                TextTable.Cell(text: worker.isEmpty ? "-" : worker),
            ])
        }
        guard !rows.isEmpty else { return [] }
        return TextTable.lines(
            ["PATH", "LEADS TO", "REQUESTS", "LAST", "FOR"],
            limits: [40, nil, nil, nil, nil],
            Array(rows),
            style: style,
            width: width.map { max(20, $0 - 2) }
        ).map { "  " + $0 }
    }

    private static func paint(_ state: String, _ style: Style) -> String {
        switch state {
        case "up": style.good(state)
        case "starting": style.careful(state)
        default: style.bad(state)
        }
    }

    private static func restarts(_ tunnel: JSON) -> String {
        let count = tunnel["restarts"]?.integer ?? 0
        return count > 0 ? "its program was started \(count) more time\(count == 1 ? "" : "s")" : ""
    }

    private static func next(_ tunnel: JSON, _ now: Int64) -> String {
        guard let next = tunnel["detail"]?["next"]?.integer, next > now else { return "" }
        return "tried again in \(Words.duration(milliseconds: next - now))"
    }

    private static func refused(_ tunnel: JSON) -> String {
        let count = tunnel["detail"]?["refused"]?.integer ?? 0
        return count > 0 ? "\(count) request\(count == 1 ? "" : "s") for what is not listed" : ""
    }

    private static func text(_ value: JSON?) -> String { Words.plain(value?.string ?? "") }
}
