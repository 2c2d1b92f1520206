internal import CLinux
internal import Glibc

/// What may happen on a descriptor.
package struct Readiness: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let read = Readiness(rawValue: CLINUX_READ)
    package static let write = Readiness(rawValue: CLINUX_WRITE)
    /// The other end is gone, or will send no more; always watched for.
    package static let hangup = Readiness(rawValue: CLINUX_HANGUP)
}

/// epoll, level-triggered: one per thread that waits.
///
/// Remove a descriptor before it is closed: the kernel forgets it only when the last duplicate is gone, and a worker
/// may hold one.
package struct Poller: ~Copyable {
    /// An event and the token that its descriptor was added with. Tokens are never interpreted here; a token that names
    /// a generation makes a late event harmless.
    package struct Event: Hashable, Sendable {
        package var token: UInt64
        package var readiness: Readiness
    }

    private let epoll: Descriptor

    package init() throws(Errno) {
        epoll = Descriptor(owning: try Errno.check(clinux_epoll_create(), "epoll_create"))
    }

    package borrowing func add(_ fd: Int32, _ readiness: Readiness, token: UInt64) throws(Errno) {
        try Errno.check(clinux_epoll_add(epoll.raw, fd, readiness.rawValue, token), "epoll_ctl add", "\(fd)")
    }

    package borrowing func modify(_ fd: Int32, _ readiness: Readiness, token: UInt64) throws(Errno) {
        try Errno.check(clinux_epoll_modify(epoll.raw, fd, readiness.rawValue, token), "epoll_ctl modify", "\(fd)")
    }

    package borrowing func remove(_ fd: Int32) throws(Errno) {
        try Errno.check(clinux_epoll_remove(epoll.raw, fd), "epoll_ctl remove", "\(fd)")
    }

    /// Waits for events; an empty array means that the time is over or a signal came.
    ///
    /// - Parameter timeout: nil waits for ever. Rounded up to whole milliseconds; for exact times use `DeadlineTimer`.
    package borrowing func wait(timeout: Duration? = nil) throws(Errno) -> [Event] {
        var events = [clinux_event](repeating: clinux_event(), count: 64)
        let milliseconds: Int32 =
            if let timeout {
                Int32(clamping: (max(timeout, .zero).wholeNanoseconds / 1_000_000) + (timeout > .zero ? 1 : 0))
            } else { -1 }
        let count = clinux_epoll_wait(epoll.raw, &events, Int32(events.count), milliseconds)
        if count == -EINTR { return [] }
        try Errno.check(count, "epoll_wait")
        return events.prefix(Int(count)).map { Event(token: $0.token, readiness: Readiness(rawValue: $0.flags)) }
    }
}
