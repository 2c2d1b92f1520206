package import NIOCore

/// Runs tasks on an event loop, for `Task(executorPreference:)`: work that begins and ends with a socket wakes no other
/// thread. A task that waits for a disk or computes for long does not belong here.
package final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    package init(_ loop: any EventLoop) { self.loop = loop }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
