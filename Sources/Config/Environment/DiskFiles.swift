internal import Glibc

/// The files of this machine.
package struct DiskFiles: FileReading {
    package init() {}

    package func read(_ path: String, limit: Int) -> FileContent {
        // NONBLOCK: a FIFO in place of the file must not hang the start.
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard fd >= 0 else { return errno == ENOENT || errno == ENOTDIR ? .missing : .failed(Self.reason(errno)) }
        defer { close(fd) }
        var status = stat()
        guard fstat(fd, &status) == 0 else { return .failed(Self.reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .failed("it is not a regular file") }
        guard limit > 0 else { return .bytes([]) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failed(Self.reason(errno)) }
            guard count > 0 else { return .bytes(bytes) }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else { return .failed("it is larger than \(limit) bytes") }
        }
    }

    package func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func reason(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
