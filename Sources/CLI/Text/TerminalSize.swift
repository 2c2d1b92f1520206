internal import Config
internal import Glibc

/// The size of a terminal.
struct TerminalSize: Equatable {
    var columns: Int
    var rows: Int

    /// What a terminal has when nobody says.
    static let usual = TerminalSize(columns: 80, rows: 24)

    /// nil when the descriptor is no terminal: nothing is cut for a pipe.
    static func now(_ fd: Int32 = 1) -> TerminalSize? {
        guard isatty(fd) == 1 else { return nil }
        var size = winsize()
        guard ioctl(fd, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return usual }
        return TerminalSize(columns: max(40, Int(size.ws_col)), rows: max(4, Int(size.ws_row)))
    }
}
