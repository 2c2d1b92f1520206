import Glibc
import IPCControl
import Synchronization

/// A control socket that answers by a script, one connection after another, on a thread of its own.
final class FakeSupervisor: Sendable {
    typealias Script = @Sendable (Block) -> [Block]

    let socket: String
    private let listener: Int32
    private let commands = Mutex<[Block]>([])

    /// Listens at `socket`; nil when it cannot.
    init?(socket path: String, script: @escaping Script) {
        socket = path
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 8) == 0 else {
            close(listener)
            return nil
        }
        var thread = pthread_t()
        let body = Unmanaged.passRetained(
            Body { [listener, weak self] in
                while true {
                    let fd = accept(listener, nil, nil)
                    guard fd >= 0 else { return }
                    Self.serve(fd) { command in
                        self?.commands.withLock { $0.append(command) }
                        return script(command)
                    }
                    close(fd)
                }
            }
        )
        pthread_create(
            &thread,
            nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            },
            body.toOpaque()
        )
        pthread_detach(thread)
    }

    /// What was asked so far.
    var received: [Block] { commands.withLock { $0 } }

    func stop() {
        // The thread closes it: a descriptor closed under a thread that accepts could become another test's listener.
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(socket)
    }

    private static func serve(_ fd: Int32, _ answer: (Block) -> [Block]) {
        var decoder = BlockDecoder()
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(fd, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            decoder.append(chunk[..<count])
            while let command = try? decoder.next() {
                let blocks = answer(command)
                // No answer at all: what the supervisor does with somebody it does not trust.
                guard !blocks.isEmpty else { return }
                for block in blocks {
                    guard let bytes = try? block.encoded() else { return }
                    // In two pieces, because a stream comes in pieces.
                    let half = bytes.count / 2
                    _ = bytes[..<half].withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                    _ = bytes[half...].withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                }
            }
        }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }
}

/// A supervisor of this state directory with these workers.
func supervisorScript(_ stateDirectory: String, workers: [Block] = []) -> FakeSupervisor.Script {
    { command in
        switch command["CMD"] {
        case "status":
            [
                Block(
                    "SUPERVISOR",
                    [
                        "PID": "643", "VERSION": "2026.11.1", "UPTIME_MS": "3725000", "STATE_DIR": stateDirectory,
                        "CONFIG_PATH": "\(stateDirectory)/openclaw.json", "PORT": "3000", "BIND": "lan",
                        "MEMORY_RUNG": "cgroup-v1", "MEMORY_LADDER": "because", "MEMORY_KB": "524288",
                        "RESERVE_KB": "40960",
                    ]
                ),
                Block("ANSWER", ["END": "ok"]),
            ]
        case "ps": workers + [Block("ANSWER", ["END": "ok"])]
        case "restart" where command["ID"] == "nobody":
            [Block("ANSWER", ["END": "error", "TEXT": "there is no worker \"nobody\""])]
        case "silence": []
        default: [Block("ANSWER", ["END": "ok"])]
        }
    }
}

/// A new directory with a short path, for sockets.
func temporaryDirectory() -> String {
    var template = Array("/tmp/clitest-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return "/tmp" }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

func write(_ text: String, to path: String) {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard fd >= 0 else { return }
    let bytes = [UInt8](text.utf8)
    _ = Glibc.write(fd, bytes, bytes.count)
    close(fd)
}
