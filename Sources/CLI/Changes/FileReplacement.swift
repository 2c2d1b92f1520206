internal import Config
internal import Glibc

/// One file as it is, and the way to put another in its place: as a whole or not at all, on the disk when it is said to be
/// done, with the owner that it had.
struct FileReplacement {
    /// Where it really is: links to it stay links.
    let path: String
    /// Nil: there is none.
    let bytes: [UInt8]?

    private let about: stat?
    private let limit: Int

    /// Throws when there is something that cannot be read.
    init(_ path: String, limit: Int) throws(CommandFailure) {
        self.limit = limit
        var about = stat()
        if let real = realpath(path, nil) {
            self.path = String(cString: real)
            free(real)
        } else {
            self.path = path
        }
        switch DiskFiles().read(self.path, limit: limit) {
        case .missing: (bytes, self.about) = (nil, nil)
        case .failed(let reason):
            throw CommandFailure(text: "\(self.path) cannot be read: \(reason). \(Self.asOwner)")
        case .bytes(let bytes):
            self.bytes = bytes
            self.about = stat(self.path, &about) == 0 ? about : nil
        }
    }

    private static let asOwner = "Type the same with sudo, or as its owner."

    /// Writes beside it, forces it to disk, renames. What somebody else wrote since it was read is not written over.
    ///
    /// - Parameter mode: nil keeps the file's; a new one is for its owner alone.
    func write(_ new: [UInt8], mode: mode_t? = nil) throws(CommandFailure) {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try Self.make(directory)
        var parent = stat()
        guard stat(directory, &parent) == 0 else { throw failure("written") }
        let temporary = "\(path).\(getpid()).tmp"
        unlink(temporary)
        let fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard fd >= 0 else { throw failure("written") }
        let (owner, group) = (about?.st_uid ?? parent.st_uid, about?.st_gid ?? parent.st_gid)
        let isWritten =
            Self.own(fd, owner, group) && fchmod(fd, mode ?? about.map { $0.st_mode & 0o7777 } ?? 0o600) == 0
            && Self.write(new, to: fd) && fsync(fd) == 0
        let code = errno
        close(fd)
        guard isWritten else {
            unlink(temporary)
            errno = code
            throw failure("written")
        }
        let current = DiskFiles().read(path, limit: limit)
        guard current == (bytes.map(FileContent.bytes) ?? .missing) else {
            unlink(temporary)
            throw CommandFailure(
                text: "\(path) was changed by somebody else meanwhile; nothing was written. Try again."
            )
        }
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            errno = code
            if code == EBUSY {
                throw CommandFailure(
                    text: "\(path) is mounted by itself and cannot be replaced. Mount the directory around it instead, "
                        + "or change the file where it comes from."
                )
            }
            throw failure("replaced")
        }
        let around = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard around >= 0 else { return }
        fsync(around)
        close(around)
    }

    /// Missing directories belong to whom the one around them belongs.
    private static func make(_ directory: String) throws(CommandFailure) {
        var around = stat()
        var at = ""
        for part in directory.split(separator: "/") {
            at += "/" + part
            var about = stat()
            if stat(at, &about) != 0 {
                guard mkdir(at, 0o700) == 0 else {
                    throw CommandFailure(text: "\(at) cannot be made: \(String(cString: strerror(errno))). \(asOwner)")
                }
                if around.st_uid != geteuid() || around.st_gid != getegid() {
                    // A directory that stays its maker's can be used all the same; the file in it says no by itself.
                    _ = chown(at, around.st_uid, around.st_gid)
                }
                guard stat(at, &about) == 0 else { continue }
            }
            around = about
        }
    }

    private static func own(_ fd: Int32, _ owner: uid_t, _ group: gid_t) -> Bool {
        var about = stat()
        guard fstat(fd, &about) == 0 else { return false }
        return (about.st_uid == owner && about.st_gid == group) || fchown(fd, owner, group) == 0
    }

    private static func write(_ bytes: [UInt8], to fd: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private func failure(_ what: String) -> CommandFailure {
        CommandFailure(text: "\(path) cannot be \(what): \(String(cString: strerror(errno))). \(Self.asOwner)")
    }
}
