internal import Glibc

/// The files beneath `<state>/credentials`: bounded reading, atomic writing, and the lock that OpenClaw takes too.
struct PairingDisk {
    let directory: String

    /// No list of people is as long.
    private static let longest = 1 << 20
    /// A lock that is older was left behind.
    private static let staleSeconds = 30

    /// Why a file cannot be used, in words with the path.
    struct Failure: Error, Equatable, CustomStringConvertible {
        var description: String

        fileprivate static func last(_ what: String, _ path: String) -> Failure {
            Failure(description: "cannot \(what) \(path): \(String(cString: strerror(errno)))")
        }
    }

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// Nil: there is none.
    func read(_ name: String) throws(Failure) -> [UInt8]? {
        let path = path(name)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .last("read", path)
        }
        defer { close(descriptor) }
        var about = stat()
        guard fstat(descriptor, &about) == 0 else { throw .last("read", path) }
        guard about.st_mode & S_IFMT == S_IFREG else { throw Failure(description: "\(path) is no file") }
        guard about.st_size <= Self.longest else { throw Failure(description: "\(path) is larger than 1 MiB") }
        var bytes = [UInt8](repeating: 0, count: Self.longest)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return Glibc.read(descriptor, base + count, buffer.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .last("read", path) }
            if got == 0 { break }
            count += got
        }
        return Array(bytes.prefix(count))
    }

    /// As a whole or not at all, readable by its owner alone, and on the disk when this returns.
    func write(_ name: String, _ bytes: [UInt8]) throws(Failure) {
        let path = path(name)
        let temporary = "\(path).\(getpid()).tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .last("write", temporary) }
        var written = 0
        var isGood = true
        while isGood, written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return Glibc.write(descriptor, base + written, buffer.count - written)
            }
            if count > 0 { written += count } else { isGood = count < 0 && errno == EINTR }
        }
        let code = errno
        isGood = isGood && fsync(descriptor) == 0
        close(descriptor)
        guard isGood, rename(temporary, path) == 0 else {
            if !isGood, code != 0 { errno = code }
            defer { unlink(temporary) }
            throw .last("write", path)
        }
        let parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { return }
        fsync(parent)
        close(parent)
    }

    /// Puts what cannot be understood out of the way instead of writing over it.
    func moveAside(_ name: String, now: Int64) throws(Failure) -> String {
        let aside = path("\(name).corrupt-\(now)")
        guard rename(path(name), aside) == 0 else { throw .last("move", path(name)) }
        return aside
    }

    /// Runs `body` while nobody else changes the file. Waits two seconds at most.
    func locked<Value>(_ name: String, _ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        try makeDirectory()
        let lock = path(name) + ".lock"
        var tries = 0
        // A folder as proper-lockfile makes it; where newer versions make a file, its being there says the same.
        while mkdir(lock, 0o700) != 0 {
            guard errno == EEXIST else { throw .last("lock", path(name)) }
            var about = stat()
            if lstat(lock, &about) == 0, time(nil) - about.st_mtim.tv_sec > Self.staleSeconds {
                if rmdir(lock) != 0 { unlink(lock) }
                tries += 1
                if tries < 20 { continue }
            }
            tries += 1
            guard tries < 20 else {
                throw Failure(
                    description: "\(path(name)) is locked by another program; if there is none, remove \(lock)"
                )
            }
            usleep(100_000)
        }
        defer { rmdir(lock) }
        return try body()
    }

    private func makeDirectory() throws(Failure) {
        guard mkdir(directory, 0o700) != 0, errno != EEXIST else { return }
        throw .last("make", directory)
    }
}
