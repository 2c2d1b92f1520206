internal import CLinux
internal import Glibc

/// A refused system call: which one, on what, and the kernel's number.
package struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    /// The number from errno(3), positive.
    package var code: Int32
    /// The call in the reader's words: `open`, `bind`, `write`.
    package var operation: String
    /// What it was done to: a path, an address, a pid; empty when there is nothing to name.
    package var subject: String

    package init(_ code: Int32, _ operation: String, _ subject: String = "") {
        self.code = code
        self.operation = operation
        self.subject = subject
    }

    /// `open /data: Permission denied (EACCES)`.
    package var description: String {
        let name = String(cString: clinux_errno_name(code))
        let text = String(cString: clinux_errno_text(code))
        return subject.isEmpty ? "\(operation): \(text) (\(name))" : "\(operation) \(subject): \(text) (\(name))"
    }

    /// Takes the result of a CLinux function, which is never negative unless it is the negated errno.
    @discardableResult
    static func check(
        _ result: Int32,
        _ operation: String,
        _ subject: @autoclosure () -> String = ""
    ) throws(Errno) -> Int32 {
        guard result < 0 else { return result }
        throw Errno(-result, operation, subject())
    }

    /// Runs a libc call that reports through errno, again when a signal interrupted it.
    @discardableResult
    static func retrying<Result: FixedWidthInteger>(
        _ operation: String,
        _ subject: @autoclosure () -> String = "",
        _ call: () -> Result
    ) throws(Errno) -> Result {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw Errno(code, operation, subject()) }
        }
    }
}
