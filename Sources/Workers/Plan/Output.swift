internal import Glibc

/// Writes to descriptors of this process.
enum Output {
    /// Writes everything; false when the other end is gone.
    static func write(_ bytes: [UInt8], to fd: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    /// A line on standard error.
    static func complain(_ text: String) {
        _ = write([UInt8]((text + "\n").utf8), to: 2)
    }

    /// The last system call's error, in words.
    static func lastError() -> String {
        String(cString: strerror(errno))
    }
}
