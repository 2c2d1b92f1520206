/// Why a text is not JSON5, and where.
package struct JSON5Error: Error, Sendable, Equatable, CustomStringConvertible {
    package var position: ConfigPosition
    /// In words: `a comma or "}" is missing here`.
    package var reason: String

    package init(at position: ConfigPosition, _ reason: String) {
        self.position = position
        self.reason = reason
    }

    package var description: String {
        "line \(position.line), column \(position.column): \(reason)"
    }
}
