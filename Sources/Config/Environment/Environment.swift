/// Environment variables from all their sources, and how their names changed over the years.
package struct Environment: Sendable, Equatable {
    package private(set) var values: [String: String]

    package init(_ values: [String: String]) {
        self.values = values
    }

    /// The value as it stands, blanks trimmed; nil when it is unset or blank.
    package subscript(name: String) -> String? {
        guard let value = values[name] else { return nil }
        let trimmed = Self.trimmed(value)
        return trimmed.isEmpty ? nil : trimmed
    }

    /// `OPENCLAW_<name>`, then the same under the program's older names.
    package func branded(_ name: String) -> String? {
        self["OPENCLAW_\(name)"] ?? self["CLAWDBOT_\(name)"] ?? self["MOLTBOT_\(name)"]
    }

    /// Whether a variable says yes: `1`, `true`, `yes`, `on`.
    package func isOn(_ name: String) -> Bool {
        ["1", "true", "yes", "on"].contains(branded(name)?.lowercased())
    }

    /// Adds a source of lower rank.
    ///
    /// A `.env` file does not replace a variable that is set but blank; the `env` block of the configuration does.
    package mutating func add(_ lower: [String: String], replacingBlank: Bool) {
        for (name, value) in lower where values[name] == nil || (replacingBlank && self[name] == nil) {
            values[name] = value
        }
    }

    static func trimmed(_ text: String) -> String {
        func isBlank(_ character: Character) -> Bool { character.isWhitespace }
        let front = text.drop(while: isBlank)
        guard let last = front.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(front[...last])
    }
}
