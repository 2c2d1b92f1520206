internal import Glibc

/// One control group directory of ours.
struct CgroupDirectory: Hashable, Sendable {
    let path: String

    init(_ path: String) {
        self.path = path
    }

    func child(_ name: String) -> CgroupDirectory {
        CgroupDirectory("\(path)/\(name)")
    }

    var exists: Bool { access(path, F_OK) == 0 }

    /// Makes it; one that exists is fine.
    func make() throws(Errno) {
        do {
            try Errno.retrying("mkdir", path) { mkdir(path, 0o755) }
        } catch  where error.code == EEXIST {}
    }

    func write(_ text: String, to file: String) throws(Errno) {
        try SystemFile.write(text, to: "\(path)/\(file)")
    }

    func text(_ file: String) -> String? {
        try? SystemFile.text("\(path)/\(file)")
    }

    func number(_ file: String) -> Int64? {
        SystemFile.number("\(path)/\(file)")
    }

    /// The value of `key` in a file of `key value` lines.
    func field(_ key: String, in file: String) -> UInt64? {
        guard let text = text(file), let value = SystemFile.field(key, of: text) else { return nil }
        return UInt64(clamping: value)
    }

    /// Whether a list like `cgroup.controllers` names `word`.
    func lists(_ word: String, in file: String) -> Bool {
        guard let text = text(file) else { return false }
        return text.split(whereSeparator: { $0 == " " || $0 == "\n" }).contains { $0 == word }
    }

    func has(_ file: String) -> Bool {
        access("\(path)/\(file)", F_OK) == 0
    }

    /// The way in for a child that is about to be started, for `SpawnRequest.memoryEntries`: of v1 the file `tasks`, of v2
    /// the directory. `cgroup.procs` would do for both, but a move by it costs 13 ms, see the shim.
    func openEntry() throws(Errno) -> Descriptor {
        if has("tasks") { return try Descriptor.open("\(path)/tasks", O_WRONLY) }
        return try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
    }

    /// Names of the groups beneath.
    func children() -> [String] {
        SystemFile.names(in: path).filter { name in
            var facts = stat()
            return lstat("\(path)/\(name)", &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
        }
    }

    func members() -> [Int32] {
        (text("cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 0 }
    }

    /// Kills everything in it, forks in flight included where the kernel has cgroup.kill (v2, 5.14).
    ///
    /// - Parameter tasks: the group that limits the number of the same processes. Without cgroup.kill its limit goes to
    ///   zero first: then nothing can be forked behind the list's back, and one pass gets a fork bomb too.
    func kill(tasks: CgroupDirectory? = nil) {
        if has("cgroup.kill"), (try? write("1", to: "cgroup.kill")) != nil { return }
        try? tasks?.write("0", to: "pids.max")
        // Where forks race with the list: again until it is empty. Zombies are not listed, stopped tasks die too.
        for _ in 0..<64 {
            let pids = members()
            if pids.isEmpty { return }
            for pid in pids where pid != getpid() { _ = Glibc.kill(pid, SIGKILL) }
        }
    }

    /// Removes it and what is beneath; false while something in it is not reaped yet.
    @discardableResult
    func remove() -> Bool {
        if rmdir(path) == 0 || errno == ENOENT { return true }
        for name in children() { child(name).remove() }
        return rmdir(path) == 0 || errno == ENOENT
    }
}
