internal import Glibc
internal import IPCControl
package import Logging
package import NIOCore
internal import NIOPosix

/// A running worker: what it was started with, its one event loop, its lifeline, its log.
package struct Worker: Sendable {
    package let start: WorkerStart
    /// One loop; everything with state runs on it.
    package let eventLoop: any EventLoop
    package let group: any EventLoopGroup
    package let log: Logger
    package let lifeline: Lifeline
    /// For tasks that only go from socket to socket: on the event loop.
    package let executor: LoopExecutor

    package init(
        start: WorkerStart,
        eventLoop: any EventLoop,
        group: any EventLoopGroup,
        log: Logger,
        lifeline: Lifeline
    ) {
        self.start = start
        self.eventLoop = eventLoop
        self.group = group
        self.log = log
        self.lifeline = lifeline
        executor = LoopExecutor(eventLoop)
    }

    /// A place of the delivery contract at which a test may cut the power.
    package func reach(_ killPoint: String) { start.killPoints.reach(killPoint) }
}

/// Runs a worker's body to its end and ends the process: 0 when it returns, 1 with a log line when it throws.
///
/// Call it first thing in the process: it confines itself before the first thread exists.
package func runWorker(
    _ start: WorkerStart,
    sandbox: Sandbox,
    _ body: @escaping @Sendable (Worker) async throws -> Void
) -> Never {
    let missing = sandbox.enter()
    let log = Logger(label: start.subsystem) { _ in LineLogHandler(subsystem: start.subsystem) }
    if !missing.isEmpty, start.incarnation == 1, start.id.kind == .gateway {
        log.warning(
            "this kernel gives workers no \(missing.joined(separator: ", no ")): weaker isolation, all else works"
        )
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let eventLoop = group.next()
    Task.detached {
        do {
            let lifeline = try await Lifeline.adopt(LifelineDescriptor.number, on: eventLoop)
            try await body(Worker(start: start, eventLoop: eventLoop, group: group, log: log, lifeline: lifeline))
            exit(0)
        } catch {
            log.error("stops: \(error)")
            exit(1)
        }
    }
    while true { pause() }
}
