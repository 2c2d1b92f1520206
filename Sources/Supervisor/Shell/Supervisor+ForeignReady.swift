internal import CLinux
internal import Glibc
internal import IPCControl

/// How the supervisor finds out that a foreign program is ready: by a line of its output (`Supervisor+Reading`), or by a
/// port that accepts. It never waits: a connect that is not decided at once is polled for.
extension Supervisor {
    /// When the next port is tried.
    var probeDeadline: Instant? {
        processes.values.lazy.compactMap { $0.readyWatch?.nextTry }.min()
    }

    /// Tries the ports that are due.
    func probeForeign(_ now: Instant) {
        for process in processes.values {
            guard let watch = process.readyWatch, let port = watch.port, let due = watch.nextTry, due <= now
            else { continue }
            tryPort(port, process, now)
        }
    }

    private func tryPort(_ port: UInt16, _ process: WorkerProcess, _ now: Instant) {
        let fd = clinux_tcp_socket(false)
        // Short of descriptors or memory: later.
        guard fd >= 0 else {
            process.readyWatch?.refused(now: now)
            return
        }
        let socket = Descriptor(owning: fd)
        switch clinux_connect_loopback(fd, port) {
        case 0: foreignIsReady(process)
        case -EINPROGRESS:
            if let token = try? watch(fd, .write, .readyProbe(process.id)) {
                process.readyWatch?.connecting(.init(socket, token: token))
            } else {
                process.readyWatch?.refused(now: now)
            }
        default: process.readyWatch?.refused(now: now)
        }
    }

    /// A connect has come to its end.
    func readyProbeAnswered(_ id: WorkerID) {
        guard let process = processes[id], let connection = process.readyWatch?.connection else { return }
        let fd = connection.descriptor.raw
        unwatch(fd, token: connection.token)
        if clinux_connect_result(fd) == 0 {
            foreignIsReady(process)
        } else {
            process.readyWatch?.refused(now: .now())
        }
    }

    func foreignIsReady(_ process: WorkerProcess) {
        endReadyWatch(process)
        happen(.ready(process.id, process.incarnation))
    }

    /// Looks no further: it is ready, is asked to end, or is dead.
    func endReadyWatch(_ process: WorkerProcess) {
        if let connection = process.readyWatch?.connection {
            unwatch(connection.descriptor.raw, token: connection.token)
        }
        process.readyWatch = nil
    }
}
