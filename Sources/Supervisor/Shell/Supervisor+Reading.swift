internal import Glibc
internal import IPCControl

extension Supervisor {
    func readLifeline(_ id: WorkerID, _ readiness: Readiness) {
        guard let process = processes[id] else { return }
        if readiness.contains(.write) { flush(process) }
        guard readiness.contains(.read) || readiness.contains(.hangup) else { return }
        guard let lifeline = process.lifeline else { return }
        var isAtEnd = false
        withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 1) { buffer in
            do {
                guard let count = try lifeline.descriptor.read(into: buffer) else { return }
                process.decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                isAtEnd = count == 0
            } catch {
                isAtEnd = true
            }
        }
        do {
            while let block = try process.decoder.next() { obey(block, process) }
        } catch {
            closeLifeline(process)
            happen(.lifelineBroken(id, process.incarnation, text: "wrote nonsense on its lifeline: \(error)"))
            return
        }
        // Exits follow their last bytes within a moment; one that only closed its lifeline is found out by its silence.
        if isAtEnd { closeLifeline(process) }
    }

    private func obey(_ block: Block, _ process: WorkerProcess) {
        let (id, incarnation) = (process.id, process.incarnation)
        switch block.type {
        case "READY": happen(.ready(id, incarnation))
        case "HEARTBEAT":
            happen(.heartbeat(id, incarnation))
            measure(process, reportedKB: block.integer("PSS_KB"))
        case "STATUS": happen(.status(id, incarnation, text: shown(block["TEXT"])))
        case "FATAL": happen(.fatal(id, incarnation, reason: shown(block["REASON"])))
        case "LEAVE": happen(.leave(id, incarnation))
        case "EXITED" where id.kind == .gateway:
            guard let dead = block["ID"].flatMap({ WorkerID($0) }),
                let number = block["INCARNATION"].flatMap({ UInt64($0) })
            else { return }
            feed.confirmed(dead, number)
        case "COMMAND" where id.kind == .gateway: obeyCommand(block)
        default: break
        }
    }

    /// Words of a worker for a table and a log line: one line, bounded, redacted.
    private func shown(_ text: String?) -> String {
        let line = (text ?? "").utf8.prefix(1000).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
        return log.redactor.clean(String(decoding: line, as: UTF8.self))
    }

    /// The gateway may ask, by name, for what the plan holds already; it can name no command and no secret.
    private func obeyCommand(_ block: Block) {
        if block["CMD"] == "REPLAN" {
            replan()
            return
        }
        guard let id = block["ID"].flatMap({ WorkerID($0) }), tree.status(of: id) != nil else { return }
        switch block["CMD"] {
        case "START": happen(.start(id, by: .gateway))
        case "STOP": happen(.stop(id))
        case "RESTART": happen(.restart(id))
        default: break
        }
    }

    /// One read of a worker's output: a flood of one worker leaves the others their turn.
    func readOutput(_ id: WorkerID, isError: Bool) {
        guard let process = processes[id], let source = isError ? process.errors : process.output else { return }
        guard read(source, process) == 0 else { return }
        end(source, process)
        if isError { process.errors = nil } else { process.output = nil }
        unwatch(source.descriptor.raw, token: source.token)
    }

    /// What a dead worker left in the pipe, no more than a pipe holds.
    func readRest(of source: WorkerProcess.Source, _ process: WorkerProcess) {
        for _ in 0..<16 {
            guard let count = read(source, process), count > 0 else { break }
        }
        end(source, process)
    }

    private func end(_ source: WorkerProcess.Source, _ process: WorkerProcess) {
        guard let last = source.splitter.end() else { return }
        log.relay(last, from: process.id, incarnation: process.incarnation)
    }

    /// The number of bytes, 0 at the end or at an error, nil when there is nothing now.
    private func read(_ source: WorkerProcess.Source, _ process: WorkerProcess) -> Int? {
        withUnsafeTemporaryAllocation(byteCount: WorkerProcess.readSize, alignment: 1) { buffer in
            let result: Int?
            do {
                result = try source.descriptor.read(into: buffer)
            } catch {
                return 0
            }
            guard let count = result else { return nil }
            for line in source.splitter.append(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                log.relay(line, from: process.id, incarnation: process.incarnation)
                if process.readyWatch?.isShown(by: line.bytes) == true { foreignIsReady(process) }
            }
            return count
        }
    }
}
