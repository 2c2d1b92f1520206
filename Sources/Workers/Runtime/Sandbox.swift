internal import CLinux
internal import Glibc

/// What a worker gives up before its first thread (DESIGN section 8): a thread that exists already would stay free.
///
/// Every part is tried; a kernel without it leaves a word in `missing`, it never refuses the start.
package struct Sandbox: Sendable {
    /// Whether sockets of other families than AF_UNIX can still be made.
    package var network: Bool
    /// Directories it may write beneath. Everything else is read-only or out of reach.
    package var writable: [String]
    /// Files and directories whose programs it may read and start. What it starts is confined as it is itself.
    package var executable: [String]

    package init(network: Bool, writable: [String] = [], executable: [String] = []) {
        self.network = network
        self.writable = writable
        self.executable = executable
    }

    /// What names, certificates and time zones need. All of `/proc`, because libdispatch's pool monitor opens
    /// `/proc/<thread>/stat` and traps when it may not (`docs/decisions/0004`).
    static let readable = [
        "/etc", "/usr/share/zoneinfo", "/usr/share/ca-certificates", "/usr/lib", "/lib", "/lib64",
        "/run/systemd/resolve", "/dev/null", "/dev/urandom", "/proc",
        "/sys/devices/system/cpu",
    ]

    /// Confines this process for good. Returns what the kernel could not do, in words.
    package func enter() -> [String] {
        var missing: [String] = []
        signal(SIGPIPE, SIG_IGN)
        // Whatever a library makes (SQLite's files) is the owner's alone.
        umask(0o077)
        if clinux_set_no_new_privileges() < 0 { missing.append("no_new_privs") }
        if clinux_set_not_dumpable() < 0 { missing.append("not dumpable") }
        if clinux_set_no_core() < 0 { missing.append("no core files") }
        if restrictPaths() < 0 { missing.append("Landlock") }
        if !network, clinux_seccomp_no_network() < 0 { missing.append("seccomp") }
        return missing
    }

    private func restrictPaths() -> Int32 {
        let paths =
            Self.readable.map { (strdup($0), false, false) } + writable.map { (strdup($0), true, false) }
            + executable.map { (strdup($0), false, true) }
        defer { for (path, _, _) in paths { free(path) } }
        let rules = paths.compactMap { path, isWritable, isExecutable in
            path.map {
                clinux_landlock_path(path: UnsafePointer($0), writable: isWritable, executable: isExecutable)
            }
        }
        return clinux_landlock_restrict(rules, rules.count)
    }
}
