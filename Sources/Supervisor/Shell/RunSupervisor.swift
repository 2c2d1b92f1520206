internal import Glibc

/// The supervisor's role: plan, lock, bind, start the workers, and see that they live until TERM. At an upgrade it goes
/// on where another image of the same process was.
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
    var environment = Environment.current()
    if let handover = Handover(taking: &environment) {
        return goOn(handover, arguments: arguments, environment: environment, output: output)
    }
    do {
        return try Supervisor(arguments: arguments, environment: environment, output: output).run()
    } catch {
        return cannotStart("\(error)")
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

/// Goes on as the next image. Whatever is in its way sends the process back into the image before.
private func goOn(
    _ handover: Handover,
    arguments: [String],
    environment: Environment,
    output: Int32
) -> Int32 {
    var state: UpgradeState?
    // Holds the descriptors that it has adopted, also when it fails.
    var supervisor: Supervisor?
    do {
        let read = try handover.read()
        state = read
        let next = try Supervisor(arguments: arguments, environment: environment, output: output, after: read.head)
        supervisor = next
        try next.adopt(read, handover)
        handover.forgetState()
        state = nil
    } catch {
        handover.goBack(because: "the new build could not take over: \(error)", state, environment)
        return cannotStart("it could not take over from the build before: \(error)")
    }
    return supervisor?.run() ?? 71
}

private func cannotStart(_ reason: String) -> Int32 {
    let bytes = Array("clawhold cannot start: \(reason)\n".utf8)
    _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    return 71
}
