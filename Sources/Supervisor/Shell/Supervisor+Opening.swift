internal import Glibc
internal import IPCControl

extension Supervisor {
    /// The first plan: lock, bind, start.
    func open(_ new: Plan) {
        do {
            let site = try Site(new, environment: environment, inherited: inherited)
            controlToken = try watch(site.control.fd, .read, .control)
            self.site = site
            leavePointer(site, new)
        } catch let failure as Site.Failure {
            refuse(failure.text, code: failure.exitCode)
            return
        } catch {
            refuse("the state directory cannot be used: \(error)", code: 1)
            return
        }
        plan = new
        rememberSecrets(of: [new])
        keepListeners()
        announce()
        happen(.total(site?.ladder.totalBytes.map { $0 / 1024 }))
        happen(.planned(new.workers.map(\.spec), reserve: new.reserve))
    }

    /// How the command line finds this supervisor. For its comfort: a full disk or one that is read-only refuses no start.
    func leavePointer(_ site: Site, _ plan: Plan) {
        let pointer = RuntimePointer(
            pid: getpid(),
            port: site.port,
            controlSocket: site.directory.controlSocket,
            rpcSocket: site.directory.rpcSocket,
            version: plan.settings.version
        )
        let directory = site.stateDirectory
        do {
            try pointer.write(to: directory)
        } catch {
            RuntimePointer.remove(from: directory)
            log.say(
                "the state directory takes no file: \(error); make it writable or free some space (df -h \(directory))"
            )
        }
    }

    /// A further plan. What was bound stays bound.
    func follow(_ new: Plan) {
        guard let old = plan else { return }
        guard new.settings.stateDirectory == old.settings.stateDirectory else {
            log.say(
                "the state directory is another one now; the change takes effect at the next start, until then the last "
                    + "configuration stays in force",
                subsystem: "config"
            )
            return
        }
        if new.listeners != old.listeners {
            log.say("port or bind changed: takes effect at the next start", subsystem: "config")
        }
        var next = new
        next.listeners = old.listeners
        // A worker on its way out may still log a secret of the old plan.
        rememberSecrets(of: [old, next])
        plan = next
        if rollout?.machine.isPlanning == true {
            // The workers follow one by one.
            rollout?.machine.planned()
        } else {
            happen(.planned(next.workers.map(\.spec), reserve: next.reserve))
        }
        for worker in next.workers { feed.changed(worker.spec.id) }
    }

    private func refuse(_ text: String, code: Int32) {
        // To whoever typed the command, not into a log.
        let bytes = Array("\(text)\n".utf8)
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        tellService(refusal: text, code: code)
        exitCode = code
    }

    func rememberSecrets(of plans: [Plan]) {
        let values = plans.flatMap { $0.workers.flatMap { $0.secrets.map(\.value) } }
        log.redactor = Redactor(secrets: values + [Hex.encode(hubKey)])
    }

    private func announce() {
        guard let site else { return }
        let pid = getpid()
        for listener in site.listeners where listener.socket.port != 0 {
            // The second loopback would only repeat the line that people and tools wait for.
            guard listener.socket.address != "::1" else { continue }
            let address = listener.socket.address == "::" ? "0.0.0.0" : listener.socket.address
            let host = plan?.settings.bindText ?? address
            let shown = host.contains(":") ? "[\(host)]" : host
            log.say("listening on ws://\(shown):\(listener.socket.port) (PID \(pid))", subsystem: "gateway")
        }
        log.say(site.ladder.explanation)
        if let weaker = site.identities.weaker { log.say(weaker) }
        // libdispatch ends the process when it cannot read /proc/TID/stat of its own threads.
        if access("/proc/self/stat", R_OK) != 0 {
            log.say(
                "/proc is not mounted: a busy worker may die of that at any moment, and no command is taken, since nobody "
                    + "can be told from a worker; type: mount -t proc proc /proc"
            )
        }
    }
}
