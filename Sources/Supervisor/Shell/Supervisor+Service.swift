internal import Glibc
internal import IPCControl

extension Supervisor {
    /// Tells the service manager what is new, and that the loop turns.
    func tellService(_ now: Instant) {
        guard var link = service else { return }
        defer { service = link }
        if link.isOutdated {
            link.isOutdated = false
            describe(&link)
        }
        sendStores(&link)
        let facts = ServiceReport.Facts(
            gateway: link.gateway,
            isReloading: site != nil && (planning != nil || upgrade != nil || rollout != nil),
            isStopping: tree.isShuttingDown || exitCode != nil,
            status: link.status
        )
        var report = link.report
        report.take(facts, at: now) { text in send(text, to: &link) }
        link.report = report
        guard report.isStarving != link.wasStarving else { return }
        link.wasStarving = report.isStarving
        if link.wasStarving {
            let limit = ServiceReport.longestAbsence.inWords
            log.say(
                "error: no gateway has been serving for \(limit); the service manager's watchdog is no longer fed, so that "
                    + "it restarts this service"
            )
        }
    }

    /// The start has failed: what `systemctl status` says of it.
    func tellService(refusal text: String, code: Int32) {
        guard var link = service else { return }
        let line = text.split(separator: "\n").first.map(String.init) ?? ""
        let number = code == DirectoryLock.exitCode ? "\nERRNO=\(EADDRINUSE)" : ""
        _ = send("STATUS=\(line)\(number)", to: &link)
        service = link
    }

    /// Has the TCP listeners kept while this service is restarted, and forgets what was kept for an older plan.
    func keepListeners() {
        guard let site else { return }
        let unused = inherited?.closeRest() ?? []
        inherited = nil
        for name in unused {
            log.say("the socket \"\(name)\" from the service manager fits no address of the configuration: closed")
            if name.hasPrefix(InheritedListeners.keptPrefix) { service?.removals.append(name) }
        }
        for listener in site.listeners where listener.socket.port != 0 {
            if let name = listener.adoptedAs {
                let address = "\(listener.socket.address) port \(listener.socket.port)"
                log.say("took over the socket \"\(name)\" on \(address) from the service manager")
                // The operator's own stays open in its socket unit, and what was kept is kept on.
                continue
            }
            let name = InheritedListeners.keptName(listener.name, port: listener.socket.port)
            service?.stores.append((name: name, fd: listener.fd))
        }
    }

    private func sendStores(_ link: inout ServiceLink) {
        while let name = link.removals.first, send("FDSTOREREMOVE=1\nFDNAME=\(name)", to: &link) {
            link.removals.removeFirst()
        }
        while let store = link.stores.first, send("FDSTORE=1\nFDNAME=\(store.name)", passing: store.fd, to: &link) {
            link.stores.removeFirst()
        }
    }

    /// False when it has to be tried again. A manager that cannot be reached at all is told nothing, and that once.
    private func send(_ text: String, passing descriptor: Int32? = nil, to link: inout ServiceLink) -> Bool {
        do {
            return try link.send(text, passing: descriptor)
        } catch {
            if !link.hasComplained {
                link.hasComplained = true
                log.say("warning: the service manager at \(link.name) cannot be told anything: \(error)")
            }
            return true
        }
    }

    private func describe(_ link: inout ServiceLink) {
        let statuses = tree.statuses
        switch statuses.first(where: { $0.id.kind == .gateway })?.state {
        case .ready: link.gateway = .serving
        case .stopped: link.gateway = .held
        case .starting, .draining, .backoff, .quarantined, .parked, nil: link.gateway = .away
        }
        link.status =
            if tree.isShuttingDown { "shutting down" } else if let site {
                ServiceStatus.text(statuses, port: site.port)
            } else { "reading the configuration" }
    }
}
