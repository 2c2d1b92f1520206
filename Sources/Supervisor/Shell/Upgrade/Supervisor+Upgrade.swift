internal import Glibc
internal import IPCControl

// Live upgrade, first half: in the image that is replaced. `docs/decisions/0095-live-upgrade.md`.

extension Supervisor {
    /// Begins to replace this image by the executable at `path`, nil for where this one came from.
    ///
    /// - Throws: why not, with what to type.
    func startUpgrade(_ path: String?) throws(NewExecutable.Refusal) {
        guard site != nil, !tree.isShuttingDown else { throw .init(description: "not while starting or shutting down") }
        guard upgrade == nil, rollout == nil else { throw .init(description: "an upgrade is in progress already") }
        let executable = try NewExecutable(path)
        do {
            upgrade = try check(executable)
        } catch {
            throw .init(description: "its self-check could not be started: \(error)")
        }
        report("upgrade to \(path ?? NewExecutable.own): self-check")
    }

    /// Starts it as a child, with a copy of what it would have to understand.
    private func check(_ executable: consuming NewExecutable) throws -> Upgrade {
        let pipe = try Descriptor.pipe()
        let state = try StateFile.make(try snapshot().encoded())
        let request = SpawnRequest(
            executable: .descriptor(executable.descriptor.raw),
            arguments: ["clawhold: self-check", "self-check"],
            environment: environment.forWorkers,
            descriptors: [-1, pipe.write.raw, pipe.write.raw, state.raw],
            stackLimitBytes: 8 << 20
        )
        let process = try spawner.spawn(request)
        let fd = pipe.read.raw
        do {
            let token = try watch(fd, .read, .selfCheck)
            let deadline = Instant.now() + SelfCheck.limit
            return Upgrade(executable, pid: process.pid, output: pipe.read, token: token, deadline: deadline)
        } catch {
            ProcessSignal.send(SIGKILL, toGroupOf: process.pid)
            throw error
        }
    }

    func readSelfCheck() {
        guard let upgrade else { return }
        var isAtEnd = false
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = (try? upgrade.output.read(into: buffer)) ?? nil
            guard let count else { return }
            isAtEnd = count == 0
            upgrade.words.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let excess = upgrade.words.count - SelfCheck.outputLimit
        if excess > 0 { upgrade.words.removeFirst(excess) }
        if isAtEnd { unwatch(upgrade.output.raw, token: upgrade.token) }
    }

    /// The child has exited.
    func selfCheckExited(_ facts: ExitFacts) {
        guard let upgrade else { return }
        // No more than a pipe holds.
        for _ in 0..<16 { readSelfCheck() }
        unwatch(upgrade.output.raw, token: upgrade.token)
        ProcessSignal.send(SIGKILL, toGroupOf: upgrade.pid)
        do {
            if upgrade.isKilled {
                throw NewExecutable.Refusal(description: "its self-check did not end within \(SelfCheck.limit.inWords)")
            }
            let answer = try SelfCheck.judge(upgrade.words, facts)
            upgrade.isProven = true
            report("upgrade: self-check passed by Clawhold \(answer.version), build \(answer.build)")
        } catch {
            refuseUpgrade(log.redactor.clean("\(upgrade.executable.path): \(error)"))
        }
    }

    /// Once per turn of the loop: the deadline of the self-check, and the exec when nothing is in its way.
    func advanceUpgrade(_ now: Instant) {
        guard let upgrade else { return }
        if tree.isShuttingDown {
            refuseUpgrade("the gateway is shutting down")
        } else if upgrade.isProven {
            // A planner is a child that this image alone understands; it is not waited for for long.
            if planning == nil { execute(upgrade.executable) }
        } else if now >= upgrade.deadline, !upgrade.isKilled {
            upgrade.isKilled = true
            ProcessSignal.send(SIGKILL, toGroupOf: upgrade.pid)
        }
    }

    /// When the self-check has to be over.
    var upgradeDeadline: Instant? {
        guard let upgrade, !upgrade.isProven, !upgrade.isKilled else { return nil }
        return upgrade.deadline
    }

    /// Everything goes on as it was.
    private func refuseUpgrade(_ reason: String) {
        guard let upgrade else { return }
        unwatch(upgrade.output.raw, token: upgrade.token)
        if !upgrade.isProven { ProcessSignal.send(SIGKILL, toGroupOf: upgrade.pid) }
        self.upgrade = nil
        report("no upgrade: \(reason)")
        finishUpgrade(error: "\(reason)\nThe gateway goes on unchanged.")
        if isPlanWanted, !tree.isShuttingDown {
            isPlanWanted = false
            replan()
        }
    }

    /// Becomes the new executable. Returns when that fails.
    private func execute(_ executable: borrowing NewExecutable) {
        // Whoever died until now is buried by the image that knows it.
        reap()
        report("upgrade: executing \(executable.path)")
        flushClients()
        log.flush()
        do {
            let state = snapshot()
            let file = try StateFile.make(try state.encoded())
            throw Handover.execute(
                executable.descriptor.raw,
                state: file.raw,
                previous: spawner.ownExecutable,
                keeping: state.descriptors,
                environment
            )
        } catch {
            refuseUpgrade("\(executable.path): \(error)")
        }
    }

    /// A step of the upgrade, for the log, the events and whoever asked for it.
    func report(_ text: String) {
        _ = perform(.say(nil, text))
        for client in control.all.values where client.state == .upgrade {
            client.send(Block("STEP", ["TEXT": text]))
        }
    }

    /// The end of the upgrade, for whoever asked for it.
    func finishUpgrade(error: String? = nil) {
        for client in control.all.values where client.state == .upgrade { client.finish(error: error) }
    }
}
