internal import Glibc

/// A file that holds space on the disk so that, when all else is used up, what is in flight can still land.
struct Ballast {
    let path: String
    let bytes: Int
    private(set) var isHeld = false

    init(path: String, bytes: Int) {
        self.path = path
        self.bytes = bytes
    }

    /// Takes the space, unless that would leave less than as much again. Returns whether it is held.
    mutating func take() -> Bool {
        if isHeld { return true }
        var status = stat()
        if stat(path, &status) == 0, Int(status.st_blocks) * 512 >= bytes {
            isHeld = true
            return true
        }
        guard hasRoom else { return false }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        isHeld = posix_fallocate(descriptor, 0, bytes) == 0
        close(descriptor)
        if !isHeld { unlink(path) }
        return isHeld
    }

    /// Gives the space up. Returns whether there was any.
    mutating func giveUp() -> Bool {
        let wasHeld = isHeld
        isHeld = false
        return unlink(path) == 0 && wasHeld
    }

    private var hasRoom: Bool {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return false }
        let free = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return free.overflow || free.partialValue >= UInt64(bytes) * 2
    }
}
