internal import Glibc
internal import Synchronization

/// The cursor, which the intake moves and others add to.
final class SharedCursor: Sendable {
    private let state: Mutex<DiscordCursor>

    init(_ cursor: DiscordCursor) {
        state = Mutex(cursor)
    }

    var current: DiscordCursor { state.withLock { $0 } }

    func change(_ body: (inout DiscordCursor) -> Void) { state.withLock { body(&$0) } }

    /// Its bytes, with the time. Without a session what was missed is still being asked for: a worker that begins there must
    /// ask for it too, from the time when the last one ended.
    func stamped() -> [UInt8] {
        state.withLock { cursor in
            if cursor.session != nil { cursor.heardMilliseconds = WallClock.milliseconds }
            return cursor.encoded
        }
    }
}

/// The time of day.
enum WallClock {
    /// Since 1970.
    static var milliseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
