internal import Glibc

/// Only one supervisor per state directory.
///
/// What counts is a `flock` on the directory itself: there is no file to delete, and the kernel takes it back when the
/// holder dies. `gateway.<hash8>.lock` in it is locked as well and tells people and tools who holds it; a file that was
/// left over, damaged or deleted refuses nothing.
///
/// Lives as long as the supervisor; children never inherit it (close-on-exec, and the shim closes all).
package struct DirectoryLock: ~Copyable {
    /// Exit code for a held lock or port: EX_TEMPFAIL.
    package static let exitCode: Int32 = 75

    private let directory: Descriptor
    private let file: Descriptor?

    /// Another one holds it.
    package struct Held: Error, Hashable, Sendable, CustomStringConvertible {
        package var directory: String
        /// nil when the holder cannot be seen (another pid namespace, a file that was deleted).
        package var pid: Int32?
        package var commandLine: String

        /// The first line is OpenClaw's.
        package var description: String {
            guard let pid else {
                return """
                    gateway already running: another process holds \(directory), and it is not visible from here \
                    (another container with the same volume?)
                    Stop it first, or give this one a state directory of its own with OPENCLAW_STATE_DIR.
                    """
            }
            let what = commandLine.isEmpty ? "" : ": \(commandLine)"
            return """
                gateway already running (pid \(pid)\(what)) in \(directory)
                Stop it with `kill \(pid)`, or give this one a state directory of its own \
                with OPENCLAW_STATE_DIR.
                """
        }
    }

    /// Why there is no lock.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case held(Held)
        /// The directory cannot be opened or locked at all.
        case unusable(Errno)

        package var description: String {
            switch self {
            case .held(let held): held.description
            case .unusable(let error):
                "cannot lock the state directory: \(error)"
            }
        }
    }

    /// Takes the lock, or says who has it, at once.
    ///
    /// - Parameters:
    ///   - stateDirectory: exists.
    ///   - configPath: absolute; names the lock file and is written into it.
    package init(stateDirectory: String, configPath: String) throws(Failure) {
        let path = "\(stateDirectory)/gateway.\(PathHash.hash8(configPath)).lock"
        let directory = try Self.open(stateDirectory)
        guard try Self.lock(directory, stateDirectory) else {
            throw .held(Self.holder(of: directory, lockFile: path, stateDirectory: stateDirectory))
        }
        file = try Self.claim(path, stateDirectory: stateDirectory, configPath: configPath)
        self.directory = directory
    }

    /// Goes on with a lock that another image of this process took: it belongs to the open files, which outlive exec.
    init(adopting directory: Int32, file: Int32) {
        self.directory = Descriptor(owning: directory)
        self.file = file < 0 ? nil : Descriptor(owning: file)
    }

    /// The two open files, on loan; -1 where there is none.
    var descriptors: (directory: Int32, file: Int32) {
        switch file {
        case .some(let file): (directory.raw, file.raw)
        case .none: (directory.raw, -1)
        }
    }

    private static func open(_ directory: String) throws(Failure) -> Descriptor {
        do {
            return try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
        } catch {
            throw .unusable(error)
        }
    }

    private static func lock(_ descriptor: borrowing Descriptor, _ path: String) throws(Failure) -> Bool {
        let raw = descriptor.raw
        do {
            try Errno.retrying("flock", path) { flock(raw, LOCK_EX | LOCK_NB) }
            return true
        } catch  where error.code == EWOULDBLOCK {
            return false
        } catch {
            throw .unusable(error)
        }
    }

    /// The file for people. Held by somebody although the directory is ours: an OpenClaw or a tool that locks the file
    /// alone, which we respect; not creatable (a full disk, a strange owner): no reason not to start.
    private static func claim(
        _ path: String,
        stateDirectory: String,
        configPath: String
    ) throws(Failure) -> Descriptor? {
        for _ in 0..<8 {
            guard let file = try? Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o644) else {
                return nil
            }
            var ours = stat()
            // The directory belongs to a less privileged user: a second name of somebody else's file must not be
            // overwritten through us.
            guard fstat(file.raw, &ours) == 0, ours.st_mode & S_IFMT == S_IFREG, ours.st_nlink <= 1 else { return nil }
            guard try lock(file, path) else {
                throw .held(holder(of: file, lockFile: path, stateDirectory: stateDirectory))
            }
            var theirs = stat()
            // Deleted or replaced between open and lock: the lock is on a file that nobody sees.
            guard lstat(path, &theirs) == 0, ours.st_ino == theirs.st_ino, ours.st_dev == theirs.st_dev else {
                continue
            }
            _ = ftruncate(file.raw, 0)
            let payload = LockPayload.ours(configPath: configPath).encoded
            payload.withUnsafeBytes { bytes in _ = pwrite(file.raw, bytes.baseAddress, bytes.count, 0) }
            return file
        }
        return nil
    }

    /// Who holds it: whom the kernel names, else the pid from the payload if that process is the one that wrote it.
    private static func holder(
        of descriptor: borrowing Descriptor,
        lockFile: String,
        stateDirectory: String
    ) -> Held {
        var facts = stat()
        if fstat(descriptor.raw, &facts) == 0, let table = try? SystemFile.text("/proc/locks", limit: 1 << 20),
            let pid = holder(in: table, device: facts.st_dev, inode: facts.st_ino)
        {
            return Held(directory: stateDirectory, pid: pid, commandLine: ProcessFacts.commandLine(of: pid))
        }
        var candidates = [lockFile]
        // The holder may use another config path, and with it another name.
        for name in SystemFile.names(in: stateDirectory).sorted().prefix(1000)
        where name.hasPrefix("gateway.") && name.hasSuffix(".lock") {
            candidates.append("\(stateDirectory)/\(name)")
        }
        for path in candidates {
            guard let bytes = try? SystemFile.bytes(path, limit: 4096), let payload = LockPayload(bytes),
                payload.pid != getpid(), let stat = ProcessFacts.stat(of: payload.pid),
                payload.startTime == nil || payload.startTime == stat.startTime
            else { continue }
            let commandLine = ProcessFacts.commandLine(of: payload.pid)
            return Held(directory: stateDirectory, pid: payload.pid, commandLine: commandLine)
        }
        return Held(directory: stateDirectory, pid: nil, commandLine: "")
    }

    /// The pid that flocked a file, from the text of /proc/locks:
    /// `12: FLOCK  ADVISORY  WRITE 4711 fe:01:131 0 EOF`, device numbers in hexadecimal. nil when nobody did, or it is in
    /// another pid namespace (the kernel leaves those out, or says 0 or less).
    package static func holder(in table: String, device: UInt, inode: UInt) -> Int32? {
        // The kernel's own packing of major and minor in user space (makedev(3)).
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 5, fields[1] == "FLOCK", let pid = Int32(fields[4]), pid > 0 else { continue }
            let file = fields[5].split(separator: ":")
            guard file.count == 3, UInt(file[0], radix: 16) == major, UInt(file[1], radix: 16) == minor,
                UInt(file[2]) == inode
            else { continue }
            return pid
        }
        return nil
    }
}
