import Glibc

@testable import Supervisor

/// Connects by TCP; the connection waits in the listener's queue.
func connect(to host: String, port: UInt16) throws -> Int32 {
    guard let address = IPAddress(host) else { throw Errno(EINVAL, "connect", host) }
    let fd = socket(address.isV6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try Errno.retrying("socket") { fd }
    let result: Int32
    if address.isV6 {
        var target = sockaddr_in6()
        target.sin6_family = sa_family_t(AF_INET6)
        target.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &target.sin6_addr) { $0.copyBytes(from: address.bytes) }
        result = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    } else {
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &target.sin_addr) { $0.copyBytes(from: address.bytes) }
        result = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
    if result != 0 {
        let code = errno
        close(fd)
        throw Errno(code, "connect", "\(host):\(port)")
    }
    return fd
}

/// What a connection is told before its end, without the LF; closes it.
func answer(of fd: Int32, within seconds: Int = 20) throws -> String {
    defer { close(fd) }
    let deadline = Instant.now() + .seconds(seconds)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 256)
    while true {
        var wait = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        let left = (deadline - .now()).wholeMilliseconds
        guard left > 0, poll(&wait, 1, Int32(clamping: left)) > 0 else { throw Errno(ETIMEDOUT, "read") }
        let count = try Errno.retrying("read") { read(fd, &chunk, chunk.count) }
        if count == 0 { return String(decoding: bytes, as: UTF8.self).filter { $0 != "\n" } }
        bytes += chunk.prefix(count)
    }
}
