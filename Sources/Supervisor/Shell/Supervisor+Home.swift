internal import Glibc
internal import IPCControl

extension Supervisor {
    /// Gives a foreign program a HOME, unless the plan did: ours, or where it runs as another user, who may not even read
    /// ours, a directory of its own beside the sockets, in which it also starts.
    func setHome(of worker: PlannedWorker, _ site: Site, _ request: inout SpawnRequest) {
        let isGiven = worker.environment.contains { $0.utf8.starts(with: "HOME=".utf8) }
        guard let identity = request.identity else {
            if !isGiven, let home = environment["HOME"] { request.environment.append("HOME=\(home)") }
            return
        }
        do {
            let home = try site.directory.makeHome(of: worker.spec.id, identity)
            request.directory = home
            if !isGiven { request.environment.append("HOME=\(home)") }
        } catch {
            // It runs without one; whether that is enough is its own affair.
            log.say("\(worker.spec.id) has no home directory: \(error)")
        }
    }
}

extension RuntimeDirectory {
    /// Makes, or takes up again, the private directory of a program. It lasts as long as the file system of the sockets,
    /// usually until the machine is started again.
    ///
    /// Nobody but the supervisor can write beside it, so its name is always ours; what is in it is the program's.
    func makeHome(of worker: WorkerID, _ identity: ProcessIdentity) throws(Errno) -> String {
        let home = "\(path)/home-\(worker.parts.joined(separator: "-"))"
        do {
            try Errno.retrying("mkdir", home) { mkdir(home, 0o700) }
        } catch  where error.code == EEXIST {}
        let directory = try Descriptor.open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        let raw = directory.raw
        try Errno.retrying("chown", home) { fchown(raw, identity.uid, identity.gid) }
        try Errno.retrying("chmod", home) { fchmod(raw, 0o700) }
        return home
    }
}
