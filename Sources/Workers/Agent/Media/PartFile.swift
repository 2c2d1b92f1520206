internal import Glibc
internal import Runtime
internal import Synchronization

/// A file while it is being written: it gets its name when it is whole, and leaves nothing behind otherwise.
final class PartFile: Sendable {
    /// Where it is until then.
    let path: String
    private let state: Mutex<State>

    private struct State {
        var fd: Int32
        var size = 0
        var head: [UInt8] = []
    }

    /// Opens `path` anew; what an earlier attempt left there is gone.
    init(_ path: String) throws(DiskError) {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard fd >= 0 else { throw .last("write", path) }
        self.path = path
        state = Mutex(State(fd: fd))
    }

    deinit {
        guard closeFile() else { return }
        unlink(path)
    }

    var size: Int { state.withLock { $0.size } }

    /// The first bytes, as many as `MediaType` wants.
    var head: [UInt8] { state.withLock { $0.head } }

    func append(_ bytes: [UInt8]) throws(DiskError) {
        try state.withLock { state throws(DiskError) in
            try Disk.append(bytes, to: state.fd, path)
            state.size += bytes.count
            let missing = MediaType.headBytes - state.head.count
            if missing > 0 { state.head += bytes.prefix(missing) }
        }
    }

    /// Empties it: the file is asked for again.
    func restart() throws(DiskError) {
        try state.withLock { state throws(DiskError) in
            guard ftruncate(state.fd, 0) == 0, lseek(state.fd, 0, SEEK_SET) == 0 else { throw .last("write", path) }
            state.size = 0
            state.head = []
        }
    }

    /// Gives it its name, over whatever bears it. With `sync` only once the bytes are on the disk.
    func finish(as name: String, sync: Bool = false) throws(DiskError) {
        if sync {
            let isSynced = state.withLock { fsync($0.fd) == 0 }
            guard isSynced else { throw .last("write", path) }
        }
        guard rename(path, name) == 0 else { throw .last("write", name) }
        _ = closeFile()
    }

    /// False when it was closed before.
    private func closeFile() -> Bool {
        state.withLock { state in
            guard state.fd >= 0 else { return false }
            close(state.fd)
            state.fd = -1
            return true
        }
    }
}
