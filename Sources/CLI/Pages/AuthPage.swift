internal import Config
internal import OAuth

/// What `models auth` prints.
enum AuthPage {
    /// Said before a token of a Claude subscription is taken.
    static let terms =
        "A Claude subscription is meant for Anthropic's own programs; whether you may use it here is between you and Anthropic."

    /// What a person needs for entering the code on another device.
    static func code(_ code: DeviceLogin.Code) -> String {
        let minutes = max(1, code.lifetime.components.seconds / 60)
        return """
            1. Open on any device:  \(Words.plain(code.url))
            2. Log in there and enter this code:

                   \(Words.plain(code.userCode))

            It is good for \(minutes) minute\(minutes == 1 ? "" : "s"). Only enter it if you started this yourself.
            Waiting … (Ctrl-C gives up, nothing is stored then)

            """
    }

    static func text(_ profiles: [StoredProfile], path: String, now: Int64, style: Style, width: Int?) -> String {
        guard !profiles.isEmpty else {
            return """
                Nothing is stored in \(Words.plain(path)).
                Store a key:  clawhold models auth paste-api-key --provider anthropic
                Keys in variables and files are shown by:  clawhold models
                """
        }
        let rows = profiles.map { profile in
            let kind = ["api_key": "key", "token": "token", "oauth": "login"][profile.type] ?? profile.type
            let cells = [
                Words.plain(profile.id), Words.plain(profile.provider), Words.plain(kind), ends(profile, now: now),
                profile.isUsed ? "yes" : "no, see auth.order",
            ]
            return TextTable.Row(cells: cells.map { TextTable.Cell(text: $0) })
        }
        let lines = TextTable.lines(
            ["PROFILE", "PROVIDER", "KIND", "ENDS", "USED"],
            limits: [40, 24, nil, nil, nil],
            rows,
            style: style,
            width: width
        )
        return (lines + ["", "in \(Words.plain(path))"]).joined(separator: "\n")
    }

    private static func ends(_ profile: StoredProfile, now: Int64) -> String {
        guard profile.expires > 0 else { return "" }
        // A login is renewed by itself.
        if profile.type == "oauth" { return "renews itself" }
        let left = Int64(profile.expires) - now
        return left > 0 ? "in \(Words.duration(milliseconds: left))" : "ended"
    }
}
