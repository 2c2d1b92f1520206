internal import Glibc

/// The supervisor's role: plan, lock, bind, start the workers, and see that they live until TERM.
///
/// Call it from main before any thread exists: signals are blocked here for all that come, and a worker dies with the
/// thread that started it.
///
/// - Parameters:
///   - arguments: without argv[0]; handed on to the plan role unread.
///   - output: where the log goes, on loan; never made non-blocking.
/// - Returns: the exit code: 0 after TERM, 75 when lock or port are taken, else what the plan role refused with.
package func runSupervisor(arguments: [String], output: Int32 = 1) -> Int32 {
    openStandardDescriptors()
    do {
        return try Supervisor(arguments: arguments, environment: .current(), output: output).run()
    } catch {
        let bytes = Array("clawhold cannot start: \(error)\n".utf8)
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        return 71
    }
}

/// A closed 0, 1 or 2 (`>&-`, a careless parent) becomes /dev/null: the next descriptor opened would take the number, and
/// log lines would go into a lifeline.
private func openStandardDescriptors() {
    while true {
        let fd = open("/dev/null", O_RDWR)
        guard (0...2).contains(fd) else {
            if fd > 2 { close(fd) }
            return
        }
    }
}
