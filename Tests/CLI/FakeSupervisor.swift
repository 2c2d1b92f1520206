import FoundationEssentials
import Glibc
import IPCControl
import Synchronization

/// A control socket that answers by a script, one connection after another, on a thread of its own.
final class FakeSupervisor: Sendable {
    typealias Script = @Sendable (Block) -> [Block]

    let socket: String
    private let listener = Mutex<FakeListener?>(nil)
    private let commands = Mutex<[Block]>([])

    /// Listens at `socket`; nil when it cannot.
    init?(socket path: String, script: @escaping Script) {
        socket = path
        guard
            let made = FakeListener(
                path,
                serve: { [weak self] fd in
                    Self.serve(fd) { command in
                        self?.commands.withLock { $0.append(command) }
                        return script(command)
                    }
                }
            )
        else { return nil }
        listener.withLock { $0 = made }
    }

    /// What was asked so far.
    var received: [Block] { commands.withLock { $0 } }

    func stop() { listener.withLock { $0 }?.stop() }

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

private let directories = Mutex<[String]>([])
private let removesDirectories: Void = {
    atexit {
        // What cannot be removed stays.
        for path in directories.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }
}()

/// A new directory with a short path, for sockets; gone when the tests end.
func temporaryDirectory() -> String {
    var template = Array("/tmp/clitest-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return "/tmp" }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    removesDirectories
    directories.withLock { $0.append(path) }
    return path
}

func write(_ text: String, to path: String) {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard fd >= 0 else { return }
    let bytes = [UInt8](text.utf8)
    _ = Glibc.write(fd, bytes, bytes.count)
    close(fd)
}
