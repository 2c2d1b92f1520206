internal import Runtime

/// What `pairing list` prints.
enum PairingPage {
    static func text(_ answer: JSON, of channel: String?, now: Int64, style: Style, width: Int?) -> String {
        let requests = answer["requests"]?.array ?? []
        guard !requests.isEmpty else {
            return channel.map { "No pending \($0) pairing requests." } ?? "No pending pairing requests."
        }
        func text(_ value: JSON?) -> String { Words.plain(value?.string ?? "") }
        let rows = requests.map { request in
            let meta = request["meta"]
            let names = [text(meta?["name"]), text(meta?["username"])].filter { !$0.isEmpty }
            return TextTable.Row(cells: [
                .init(text: text(request["code"]), paint: style.bold),
                .init(text: text(request["channel"]).isEmpty ? channel ?? "-" : text(request["channel"])),
                .init(text: time(request["createdAt"], now), isNumber: true),
                .init(text: text(request["id"])),
                .init(text: names.joined(separator: " ")),
            ])
        }
        let lines = TextTable.lines(
            ["CODE", "CHANNEL", "AGE", "ID", "NAME"],
            limits: [8, 12, 5, 24, nil],
            rows,
            style: style,
            width: width
        )
        let first = requests[0]
        let example =
            "\(text(first["channel"]).isEmpty ? channel ?? "CHANNEL" : text(first["channel"])) \(text(first["code"]))"
        return (lines + ["", "Let one in:  clawhold pairing approve \(example) --notify"]).joined(separator: "\n")
    }

    /// Milliseconds, or the ISO time of OpenClaw's files.
    private static func time(_ value: JSON?, _ now: Int64) -> String {
        guard let text = value?.string else { return Age.short(value, now: now) }
        return Words.plain(text)
    }
}
