internal import CLinux
internal import Glibc

/// A terminal that is drawn on in place: the alternate screen, keys without Enter, and everything as it was before at
/// the end, whichever way that comes.
final class LiveScreen {
    /// What ended a wait.
    enum Wake: Equatable {
        case time
        case key(UInt8)
        /// The window has another size, or the process was continued: draw again.
        case resized
        /// Ctrl-C, TERM, or the terminal is gone.
        case quit
    }

    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP]
    private static var mask: UInt64 { signals.reduce(0) { $0 | 1 << UInt64($1 - 1) } }

    private let input: Int32
    private let output: Int32
    private let signalFD: Int32
    private var before = termios()
    private let hasKeys: Bool

    /// Takes the terminal; nil when signals cannot be waited for. The descriptors are on loan.
    init?(input: Int32 = 0, output: Int32 = 1) {
        (self.input, self.output) = (input, output)
        // Blocked and read from a descriptor: nothing is ever done inside a signal handler.
        clinux_block_signals(Self.mask)
        signalFD = clinux_signalfd(Self.mask)
        hasKeys = isatty(input) == 1 && tcgetattr(input, &before) == 0
        guard signalFD >= 0 else { return nil }
        enter()
    }

    deinit {
        leave()
        close(signalFD)
        var set = sigset_t()
        sigemptyset(&set)
        for signal in Self.signals { sigaddset(&set, signal) }
        sigprocmask(SIG_UNBLOCK, &set, nil)
    }

    private func enter() {
        if hasKeys {
            var raw = before
            raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
            tcsetattr(input, TCSADRAIN, &raw)
        }
        // Alternate screen, no cursor, no wrapping at the right edge.
        Terminal.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l", to: output)
    }

    private func leave() {
        Terminal.write("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l", to: output)
        if hasKeys { tcsetattr(input, TCSADRAIN, &before) }
    }

    /// Draws a page over the last one; without a pause in between, so that nothing flickers.
    func draw(_ lines: [String]) {
        Terminal.write("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[K\u{1B}[J", to: output)
    }

    /// Waits for a key, a signal, or the end of the time.
    func wait(milliseconds: Int32) -> Wake {
        var polls = [
            pollfd(fd: signalFD, events: Int16(POLLIN), revents: 0),
            pollfd(fd: hasKeys ? input : -1, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&polls, 2, milliseconds) > 0 else { return .time }
        if polls[0].revents != 0 {
            var signal: Int32 = 0
            var sender: pid_t = 0
            guard clinux_signalfd_read(signalFD, &signal, &sender) >= 0 else { return .time }
            return obey(signal)
        }
        var key: UInt8 = 0
        return read(input, &key, 1) == 1 ? .key(key) : .quit
    }

    private func obey(_ signal: Int32) -> Wake {
        switch signal {
        case SIGWINCH: return .resized
        case SIGTSTP:
            leave()
            kill(getpid(), SIGSTOP)
            enter()
            return .resized
        default: return .quit
        }
    }
}
