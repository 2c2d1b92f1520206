internal import Glibc

/// Whether this process can still open anything.
enum OwnDescriptors {
    static func haveRoom() -> Bool {
        let probe = fcntl(2, F_DUPFD_CLOEXEC, 0)
        guard probe >= 0 else { return errno != EMFILE }
        close(probe)
        return true
    }

    /// By hand: what logs may want a descriptor.
    static func complain() {
        let line = Array(
            "error: no descriptor is left: silent until one is free, or until this worker is replaced\n".utf8
        )
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}
