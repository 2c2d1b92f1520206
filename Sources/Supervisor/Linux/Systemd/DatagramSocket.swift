internal import CLinux
internal import Glibc

/// A non-blocking datagram socket connected to a Unix name: the service manager's, or the journal's.
package struct DatagramSocket: ~Copyable {
    private let descriptor: Descriptor

    /// The descriptor to poll for writing, on loan.
    package var fd: Int32 { descriptor.raw }

    /// - Parameter name: a path, or `@name` for an abstract one, as in NOTIFY_SOCKET (sd_notify(3)).
    package init(connectedTo name: String) throws(Errno) {
        guard name.hasPrefix("/") || name.hasPrefix("@") else { throw Errno(EAFNOSUPPORT, "connect", name) }
        var bytes = Array(name.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        let fd = try Errno.check(clinux_connect_datagram(bytes, bytes.count), "connect", name)
        descriptor = Descriptor(owning: fd)
    }

    /// Sends one datagram of `count` bytes, with a duplicate of `passing` if there is one; false while the receiver's queue
    /// is full.
    package borrowing func send(
        _ bytes: UnsafeRawPointer,
        count: Int,
        passing: Int32? = nil
    ) throws(Errno) -> Bool {
        let result = clinux_send_datagram(descriptor.raw, bytes, count, passing ?? -1)
        if result == -EAGAIN { return false }
        try Errno.check(result, "send")
        return true
    }
}
