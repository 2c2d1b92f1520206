internal import CLinux
internal import Glibc

/// An open file descriptor with one owner: closed when the owner lets go of it.
///
/// A plain `Int32` anywhere in this module is a loan.
package struct Descriptor: ~Copyable, Sendable {
    /// The number; valid as long as this value lives.
    package let raw: Int32

    /// Takes over an open descriptor.
    package init(owning raw: Int32) {
        self.raw = raw
    }

    deinit {
        // Not retried: on Linux the number is free again even when close reports EINTR.
        _ = close(raw)
    }

    /// Gives the number away; whoever takes it closes it.
    package consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }

    /// Another number for the same open file, close-on-exec.
    package borrowing func duplicate() throws(Errno) -> Descriptor {
        let raw = raw
        return Descriptor(owning: try Errno.retrying("dup") { fcntl(raw, F_DUPFD_CLOEXEC, 0) })
    }

    /// Opens a file; O_CLOEXEC is added.
    package static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(Errno) -> Descriptor {
        Descriptor(owning: try Errno.retrying("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// A close-on-exec pipe, both ends non-blocking for us; a child that gets the write end shares that flag, so pass
    /// `blockingWriteEnd` for a program that does not expect it.
    package static func pipe(blockingWriteEnd: Bool = true) throws(Errno) -> PipeEnds {
        var ends: [Int32] = [-1, -1]
        try Errno.check(clinux_pipe(&ends), "pipe")
        let result = PipeEnds(read: Descriptor(owning: ends[0]), write: Descriptor(owning: ends[1]))
        try result.read.setNonBlocking()
        if !blockingWriteEnd { try result.write.setNonBlocking() }
        return result
    }

    /// Sets O_NONBLOCK on the open file description: never on one that is shared with others (an inherited stdout).
    package borrowing func setNonBlocking() throws(Errno) {
        let raw = raw
        let flags = try Errno.retrying("fcntl") { fcntl(raw, F_GETFL) }
        try Errno.retrying("fcntl") { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
    }

    /// Reads once.
    ///
    /// - Returns: the number of bytes, 0 at the end, nil when a non-blocking descriptor has none now.
    package borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        let raw = raw
        do {
            return try Errno.retrying("read") { Glibc.read(raw, buffer.baseAddress, buffer.count) }
        } catch  where error.code == EAGAIN {
            return nil
        }
    }

    /// Writes once.
    ///
    /// - Returns: the number of bytes taken, nil when a non-blocking descriptor takes none now.
    package borrowing func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int? {
        let raw = raw
        do {
            return try Errno.retrying("write") { Glibc.write(raw, buffer.baseAddress, buffer.count) }
        } catch  where error.code == EAGAIN {
            return nil
        }
    }
}

/// The two ends of a pipe.
package struct PipeEnds: ~Copyable, Sendable {
    package var read: Descriptor
    package var write: Descriptor
}
