internal import Glibc

/// The file operations of the session store: bounded, atomic where it says so, and with errors a person can act on.
enum Disk {
    /// The part of a file that was read.
    struct Slice: Equatable {
        var bytes: [UInt8]
        /// Where `bytes` begins in the file.
        var offset: Int
        /// The file's size when it was read.
        var size: Int
    }

    /// The whole file; nil when there is none. Throws `tooBig` beyond `limit` bytes.
    static func read(_ path: String, limit: Int) throws(DiskError) -> [UInt8]? {
        guard let slice = try tail(path, limit: limit) else { return nil }
        guard slice.offset == 0 else { throw .tooBig(path: path, size: slice.size, limit: limit) }
        return slice.bytes
    }

    /// The last `limit` bytes of a file; nil when there is none.
    static func tail(_ path: String, limit: Int) throws(DiskError) -> Slice? {
        try slice(path) { size in max(0, size - limit)..<size }
    }

    /// The first `limit` bytes of a file; nil when there is none.
    static func head(_ path: String, limit: Int) throws(DiskError) -> Slice? {
        try slice(path) { size in 0..<min(size, limit) }
    }

    private static func slice(_ path: String, _ part: (Int) -> Range<Int>) throws(DiskError) -> Slice? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else {
            if errno == ENOENT { return nil }
            throw .last("read", path)
        }
        defer { close(fd) }
        let size = try size(of: fd, path)
        let range = part(size)
        let bytes = try read(fd, range, path)
        return Slice(bytes: bytes, offset: range.lowerBound, size: size)
    }

    /// Reads `range` of an open file; what another program cuts off meanwhile is missing at the end.
    static func read(_ fd: Int32, _ range: Range<Int>, _ path: String) throws(DiskError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            while filled < range.count {
                let count = pread(
                    fd,
                    buffer.baseAddress.map { $0 + filled },
                    range.count - filled,
                    off_t(range.lowerBound + filled)
                )
                if count < 0, errno == EINTR { continue }
                if count < 0 { failure = errno }
                guard count > 0 else { return }
                filled += count
            }
        }
        guard failure == 0 else { throw .failed(what: "read", path: path, code: failure) }
        return bytes
    }

    static func size(of fd: Int32, _ path: String) throws(DiskError) -> Int {
        var status = stat()
        guard fstat(fd, &status) == 0 else { throw .last("read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .failed(what: "read", path: path, code: EISDIR) }
        return Int(status.st_size)
    }

    /// Writes all of `bytes` at the end of the open file.
    static func append(_ bytes: [UInt8], to fd: Int32, _ path: String) throws(DiskError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                write(fd, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .last("write", path) }
            written += count
        }
    }

    /// Puts `bytes` in the place of a file, so that at any moment either the old or the new content is there.
    ///
    /// Synced before it gets its name: a machine that dies leaves no empty file behind.
    static func replace(_ path: String, with bytes: [UInt8]) throws(DiskError) {
        let temporary = "\(path).\(getpid()).tmp"
        let fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw .last("write", temporary) }
        do throws(DiskError) {
            defer { close(fd) }
            try append(bytes, to: fd, temporary)
            guard fsync(fd) == 0 else { throw .last("write", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = DiskError.last("write", path)
            unlink(temporary)
            throw error
        }
    }

    /// Gives a file another name in the same directory.
    static func move(_ path: String, to other: String) throws(DiskError) {
        guard rename(path, other) == 0 else { throw .last("move", path) }
    }

    /// Makes a directory and those above it, for the owner alone.
    static func makeDirectory(_ path: String) throws(DiskError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            if mkdir(made, 0o700) == 0 || errno == EEXIST { continue }
            // Above the directories that we may write to, a sandbox answers EACCES or EROFS for one that is there.
            var status = stat()
            let code = errno
            guard stat(made, &status) == 0 else { throw .failed(what: "make", path: made, code: code) }
        }
    }
}

/// Why a file operation failed.
enum DiskError: Error, Equatable, CustomStringConvertible {
    case failed(what: String, path: String, code: Int32)
    case tooBig(path: String, size: Int, limit: Int)

    /// The error of the call that just failed.
    static func last(_ what: String, _ path: String) -> DiskError {
        .failed(what: what, path: path, code: errno)
    }

    var description: String {
        switch self {
        case .failed(let what, let path, let code):
            "cannot \(what) \(path): \(String(cString: strerror(code)))"
        case .tooBig(let path, let size, let limit):
            "\(path) has \(size) bytes, more than the \(limit) that are read: move it away or make it smaller"
        }
    }

    /// What the person who wrote the message is told.
    var sentence: String {
        switch self {
        case .failed(_, _, ENOSPC), .failed(_, _, EDQUOT):
            "I cannot save this conversation: the disk is full. Free some space on the gateway's machine, then write again."
        case .failed(_, let path, EACCES), .failed(_, let path, EPERM), .failed(_, let path, EROFS):
            "I cannot save this conversation: \(path) is not writable for the gateway."
        case .failed, .tooBig:
            "I cannot read or save this conversation. The gateway's log says why."
        }
    }
}
