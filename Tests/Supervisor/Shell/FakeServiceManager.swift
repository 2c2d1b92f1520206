import CLinux
import Glibc

@testable import Supervisor

/// The receiving end of sd_notify(3), that keeps the descriptors it is given.
final class FakeServiceManager {
    /// One datagram.
    struct Message {
        var text: String
        /// Passed along, ours to close.
        var descriptor: Int32?
    }

    /// As it stands in NOTIFY_SOCKET.
    let name: String
    private let socket: Int32
    private(set) var messages: [Message] = []

    /// - Parameter name: a path, or `@name`.
    init(name: String) throws {
        self.name = name
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + bytes.count + (isAbstract ? 0 : 1) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, socklen_t(length ?? 0)) }
        }
        guard result == 0 else { throw SupervisorRun.Missing(description: "a socket at \(name)") }
    }

    deinit {
        close(socket)
        for message in messages { if let descriptor = message.descriptor { close(descriptor) } }
    }

    /// The texts so far without the feeding of the watchdog.
    var transcript: [String] { messages.map(\.text).filter { $0 != "WATCHDOG=1" } }

    /// Reads until a message `fits`, from index `start` on.
    @discardableResult
    func message(
        from start: Int = 0,
        within seconds: Int = 20,
        where fits: (String) -> Bool
    ) throws -> Message {
        let deadline = Instant.now() + .seconds(seconds)
        var next = start
        while true {
            while next < messages.count {
                if fits(messages[next].text) { return messages[next] }
                next += 1
            }
            guard try receive(until: deadline) else {
                throw SupervisorRun.Missing(description: "a message; there were \(messages.map(\.text))")
            }
        }
    }

    /// Takes what is there without waiting.
    func readAll() throws {
        while try receive(until: .now()) {}
    }

    private func receive(until deadline: Instant) throws -> Bool {
        var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        let left = max(0, (deadline - .now()).wholeMilliseconds)
        guard poll(&wait, 1, Int32(clamping: left)) > 0 else { return false }
        var bytes = [UInt8](repeating: 0, count: 8192)
        var control = [UInt64](repeating: 0, count: 8)
        var message = Message(text: "")
        let count = bytes.withUnsafeMutableBytes { buffer in
            control.withUnsafeMutableBytes { room in
                var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var header = msghdr()
                    header.msg_iov = part
                    header.msg_iovlen = 1
                    header.msg_control = room.baseAddress
                    header.msg_controllen = room.count
                    let count = recvmsg(socket, &header, Int32(MSG_CMSG_CLOEXEC))
                    // One SCM_RIGHTS with one descriptor: a header of 16 bytes, then the number.
                    if header.msg_controllen >= 20 {
                        message.descriptor = room.load(fromByteOffset: 16, as: Int32.self)
                    }
                    return count
                }
            }
        }
        guard count >= 0 else { return false }
        message.text = String(decoding: bytes.prefix(count), as: UTF8.self)
        messages.append(message)
        return true
    }
}
