package import IPCControl

/// What the plan role wrote up its lifeline: everything the supervisor will ever know about the configuration.
package struct Plan: Sendable, Equatable {
    package var settings: Settings
    package var listeners: [Listener]
    package var workers: [PlannedWorker]
    /// Memory that no worker may have: the kernel's, ours, and the pages of files.
    package var reserve: MemoryShare { settings.reserve }

    /// The SETTINGS block.
    package struct Settings: Sendable, Equatable {
        package var stateDirectory: String
        package var configPath: String
        package var port: String
        package var bind: String
        /// The address as people are told it.
        package var bindText: String?
        package var version: String
        package var reserve = MemoryShare()
        /// nil: text, or the journal where standard output is one.
        package var logFormat: LogFormat?
    }

    /// A TCP listener for the gateway.
    package struct Listener: Sendable, Equatable {
        package var name: String
        /// A numeric address; `::` is dual stack.
        package var host: String
        package var port: UInt16
    }

    package func worker(_ id: WorkerID) -> PlannedWorker? {
        workers.first { $0.spec.id == id }
    }
}

/// One worker of the plan, with what its process is given.
package struct PlannedWorker: Sendable, Equatable {
    package var spec: WorkerSpec
    package var userClass: UserClass
    package var killPoints: String?
    /// argv and environment of a sidecar; empty for our own workers. Its secrets are variables too.
    package var arguments: [String] = []
    package var environment: [String] = []
    /// Pieces of the worker's own configuration, each small enough for a block.
    package var configuration: [String] = []
    package var secrets: [Secret] = []

    /// A secret under the name that the worker knows it by.
    package struct Secret: Sendable, Equatable {
        package var name: String
        package var value: String
    }
}
