internal import CLinux
internal import Glibc

/// Reads one line that nobody shall see: at a terminal without echo, else the first line of what is piped in.
enum SecretLine {
    /// Longest line in bytes.
    static let limit = 64 * 1024

    /// The person gave up (Ctrl-C, Ctrl-D, the terminal is gone).
    struct GivenUp: Error {}

    /// The descriptors are on loan.
    static func read(_ prompt: String, input: Int32 = 0, output: Int32 = 2) throws -> String {
        guard isatty(input) == 1 else { return try line(from: input, signals: -1).trimmed }
        Terminal.write(prompt, to: output)
        var before = termios()
        guard tcgetattr(input, &before) == 0 else { return try line(from: input, signals: -1).trimmed }
        // Signals are read like keys, so that none of them leaves a terminal behind that shows nothing.
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP]
        let mask = signals.reduce(UInt64(0)) { $0 | 1 << UInt64($1 - 1) }
        clinux_block_signals(mask)
        let signalFD = clinux_signalfd(mask)
        var silent = before
        // Not by lines either: a terminal cuts those at 4,095 bytes.
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON)
        tcsetattr(input, TCSAFLUSH, &silent)
        defer {
            tcsetattr(input, TCSAFLUSH, &before)
            Terminal.write("\n", to: output)
            if signalFD >= 0 { close(signalFD) }
            var set = sigset_t()
            sigemptyset(&set)
            for signal in signals { sigaddset(&set, signal) }
            sigprocmask(SIG_UNBLOCK, &set, nil)
        }
        return try line(from: input, signals: signalFD).trimmed
    }

    private static func line(from input: Int32, signals: Int32) throws -> Line {
        var line = Line()
        while true {
            var polls = [
                pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
                pollfd(fd: input, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polls, 2, -1) > 0 else {
                if errno == EINTR { continue }
                throw GivenUp()
            }
            if polls[0].revents != 0 {
                var signal: Int32 = 0
                var sender: pid_t = 0
                _ = clinux_signalfd_read(signals, &signal, &sender)
                throw GivenUp()
            }
            var byte: UInt8 = 0
            let count = Glibc.read(input, &byte, 1)
            if count < 0, errno == EINTR { continue }
            switch line.take(count == 1 ? byte : nil) {
            case .more: continue
            case .done: return line
            case .givenUp: throw GivenUp()
            case .tooLong:
                throw CommandFailure(text: "That is longer than \(limit) bytes: no key and no token is.")
            }
        }
    }

    /// What was typed so far, with the few keys that edit it.
    struct Line {
        private(set) var bytes: [UInt8] = []

        enum Step: Equatable {
            case more
            case done
            case givenUp
            case tooLong
        }

        /// - Parameter byte: nil at the end of the input.
        mutating func take(_ byte: UInt8?) -> Step {
            switch byte {
            case nil: return bytes.isEmpty ? .givenUp : .done
            case 0x0A, 0x0D: return .done
            case 0x04: return bytes.isEmpty ? .givenUp : .more
            case 0x08, 0x7F: bytes = bytes.dropLast()
            case 0x15: bytes = []
            case let byte?:
                guard bytes.count < limit else { return .tooLong }
                bytes.append(byte)
            }
            return .more
        }

        /// Without blanks around it, and without the marks that some terminals put around what is pasted.
        var trimmed: String {
            var text = String(decoding: bytes, as: UTF8.self)
            for mark in ["\u{1B}[200~", "\u{1B}[201~"] { text = text.replacing(mark, with: "") }
            let front = text.drop { $0.isWhitespace }
            return String(
                front[..<(front.lastIndex { !$0.isWhitespace }.map { front.index(after: $0) } ?? front.startIndex)]
            )
        }
    }
}
