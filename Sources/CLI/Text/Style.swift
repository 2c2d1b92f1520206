internal import Config
internal import Glibc

/// Colours, where somebody sees them: a terminal, no NO_COLOR, no `--no-color`.
struct Style: Equatable {
    var isColoured: Bool

    static let plain = Style(isColoured: false)

    /// For standard output of this process.
    static func detect(environment: Environment, noColor: Bool) -> Style {
        let isTerminal = isatty(1) == 1
        let isRefused = noColor || environment.values["NO_COLOR"]?.isEmpty == false || environment["TERM"] == "dumb"
        return Style(isColoured: isTerminal && !isRefused)
    }

    func bold(_ text: String) -> String { wrap("1", text) }
    func dim(_ text: String) -> String { wrap("2", text) }
    func good(_ text: String) -> String { wrap("32", text) }
    func bad(_ text: String) -> String { wrap("31", text) }
    func careful(_ text: String) -> String { wrap("33", text) }

    /// A worker's state in its colour.
    func state(_ state: String, _ text: String) -> String {
        switch state {
        case "ready": good(text)
        case "quarantined", "parked": bad(text)
        case "backoff", "draining", "starting": careful(text)
        default: dim(text)
        }
    }

    private func wrap(_ code: String, _ text: String) -> String {
        isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
