/// Watches a foreign program that has started for the sign that it is ready.
struct ReadyWatch {
    /// Between two tries of a port: short at first, since most programs listen within a moment.
    static let firstDelay = Duration.milliseconds(20)
    static let longestDelay = Duration.seconds(1)

    private let sign: ReadySign
    private var delay = Self.firstDelay
    /// A connect on its way.
    private(set) var connection: WorkerProcess.Source?
    /// When to try the port again; nil while a connect is on its way, and for a line.
    private(set) var nextTry: Instant?

    init(_ sign: ReadySign, now: Instant) {
        self.sign = sign
        if case .port = sign { nextTry = now + delay }
    }

    /// The port to try, if that is the sign.
    var port: UInt16? {
        if case .port(let port) = sign { port } else { nil }
    }

    /// Whether this line of its output is the sign.
    func isShown(by line: [UInt8]) -> Bool {
        guard case .line(let text) = sign else { return false }
        let wanted = Array(text.utf8)
        guard let first = wanted.first, line.count >= wanted.count else { return false }
        return (0...(line.count - wanted.count)).contains { start in
            line[start] == first && line[start..<(start + wanted.count)].elementsEqual(wanted)
        }
    }

    /// A connect is on its way; its answer comes by poll.
    mutating func connecting(_ source: WorkerProcess.Source) {
        connection = source
        nextTry = nil
    }

    /// Nobody accepts yet.
    mutating func refused(now: Instant) {
        connection = nil
        nextTry = now + delay
        delay = min(delay + delay, Self.longestDelay)
    }
}
