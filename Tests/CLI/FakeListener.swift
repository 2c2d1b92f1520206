import Glibc

/// A Unix socket that gives its connections to `serve`, one after another, on a thread of its own.
final class FakeListener: Sendable {
    private let path: String
    private let fd: Int32
    private let serve: @Sendable (Int32) -> Void

    /// nil when it cannot listen at `path`.
    init?(_ path: String, serve: @escaping @Sendable (Int32) -> Void) {
        self.path = path
        self.serve = serve
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(fd, 8) == 0 else {
            close(fd)
            return nil
        }
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<FakeListener>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            },
            Unmanaged.passRetained(self).toOpaque()
        )
        pthread_detach(thread)
    }

    func stop() {
        // The thread closes it: a descriptor closed under a thread that accepts could become another test's listener.
        shutdown(fd, Int32(SHUT_RDWR))
        unlink(path)
    }

    private func run() {
        while true {
            let connection = accept(fd, nil, nil)
            guard connection >= 0 else { break }
            serve(connection)
            close(connection)
        }
        close(fd)
    }
}
