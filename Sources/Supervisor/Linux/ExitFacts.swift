internal import CLinux
internal import Glibc

/// How a process ended, as the kernel tells it: code and signal apart, nothing folded into 128 + n.
package struct ExitFacts: Hashable, Sendable, CustomStringConvertible {
    package enum Ending: Hashable, Sendable {
        /// Exit code, 0…255.
        case code(Int32)
        /// Died of this signal.
        case signal(Int32, coreDumped: Bool)
    }

    package var pid: Int32
    package var ending: Ending
    /// Its largest resident size, page cache mapped from files included.
    package var peakResidentBytes: Int64
    package var cpuTime: Duration

    package init(pid: Int32, ending: Ending, peakResidentBytes: Int64 = 0, cpuTime: Duration = .zero) {
        self.pid = pid
        self.ending = ending
        self.peakResidentBytes = peakResidentBytes
        self.cpuTime = cpuTime
    }

    init(_ exit: clinux_exit) {
        pid = exit.pid
        ending =
            exit.code == CLD_EXITED
            ? .code(exit.status) : .signal(exit.status, coreDumped: exit.code == CLD_DUMPED)
        peakResidentBytes = max(exit.peak_resident_kb, 0).multipliedReportingOverflow(by: 1024).partialValue
        cpuTime = .microseconds(exit.cpu_microseconds)
    }

    package var signal: Int32? {
        if case .signal(let signal, _) = ending { signal } else { nil }
    }

    package var exitCode: Int32? {
        if case .code(let code) = ending { code } else { nil }
    }

    /// `exit code 1`, `killed by SIGKILL`.
    package var description: String {
        switch ending {
        case .code(let code): "exit code \(code)"
        case .signal(let signal, let dumped): "killed by \(Signal.name(signal))\(dumped ? ", core dumped" : "")"
        }
    }
}

/// Names of signals.
package enum Signal {
    /// `SIGKILL`; `signal 42` for one without a name.
    package static func name(_ signal: Int32) -> String {
        let names: [Int32: String] = [
            SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
            SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
            SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
            SIGSTOP: "SIGSTOP", SIGCONT: "SIGCONT", SIGSYS: "SIGSYS", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
        ]
        return names[signal] ?? "signal \(signal)"
    }
}
