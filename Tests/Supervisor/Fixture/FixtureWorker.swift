import CLinux
import Glibc
import IPCControl
import Supervisor

/// A worker without threads that does what its CONFIG says, word by word: `flood=N`, `line=TEXT`, `fatal`, `deaf`,
/// `deaf-in-NAME` (of the executable), `silent`, `slow-stop`, `serve`, `allocate=MB`, `env`, `secret`, `die`. It reports what the supervisor tells it as log lines.
struct FixtureWorker {
    private var decoder = BlockDecoder()
    private var start = Block("START")
    private var configuration = ""
    private var secrets: [String: String] = [:]
    /// Answers connections on its first listener.
    private var isServing = false

    mutating func run() -> Never {
        signal(SIGPIPE, SIG_IGN)
        while let block = read(timeout: -1) {
            switch block.type {
            case "START": start = block
            case "CONFIG": configuration += block["DATA"] ?? ""
            case "SECRET": secrets[block["NAME"] ?? ""] = block["VALUE"]
            case "GO": work()
            default: exit(70)
            }
        }
        exit(70)
    }

    private mutating func work() -> Never {
        let words = configuration.split(separator: " ").map(String.init)
        let isGateway = start["KIND"] == "gateway"
        log("started incarnation \(start["INCARNATION"] ?? "") pid \(getpid()) fds \(start["FDS"] ?? "")")
        for word in words { act(word) }
        if words.contains("die") { exit(3) }
        // As a build whose gateway does not work.
        let executable = SystemFile.link("/proc/self/exe") ?? ""
        if words.contains("deaf-in-\(executable.split(separator: "/").last ?? "")") { while true { pause() } }
        if words.contains("deaf") { while true { pause() } }
        send(Block("READY"))
        for word in words where word.hasPrefix("command=") {
            let parts = word.dropFirst(8).split(separator: ",").map(String.init)
            var block = Block("COMMAND", ["CMD": parts[0]])
            if parts.count > 1 { block["ID"] = parts[1] }
            send(block)
        }
        if words.contains("leave") {
            send(Block("LEAVE"))
            exit(0)
        }
        if isGateway { send(Block("STATUS", ["TEXT": "at work"])) }
        while true {
            send(Block("HEARTBEAT", ["PSS_KB": "1000"]))
            guard let block = read(timeout: words.contains("silent") ? -1 : 2000) else { continue }
            obey(block, words)
        }
    }

    private mutating func act(_ word: String) {
        let halves = word.split(separator: "=", maxSplits: 1).map(String.init)
        let value = halves.count > 1 ? halves[1] : ""
        switch halves[0] {
        case "line": say("[fixture] \(value)")
        case "raw": say(value)
        case "flood": for number in 1...(Int(value) ?? 1) { say("[flood] line \(number)") }
        case "env":
            var next = environ
            while let line = next.pointee {
                log("env \(String(cString: line))")
                next += 1
            }
        case "serve": isServing = true
        case "secret": for (name, value) in secrets { log("secret \(name) is \(value)") }
        case "control": knock()
        case "fatal":
            send(Block("FATAL", ["REASON": "the token is wrong"]))
            exit(78)
        case "allocate":
            let size = (Int(value) ?? 1) << 20
            guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                memory != MAP_FAILED
            else { abort() }
            memset(memory, 1, size)
        default: break
        }
    }

    /// Tries to command the supervisor.
    private func knock() {
        let path = (start["HUB"] ?? "").split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/control.sock"
        let fd = clinux_unix_socket()
        guard clinux_connect_unix(fd, path) >= 0 else { return log("control: cannot connect to \(path)") }
        let bytes = Array("TYPE=COMMAND\nCMD=status\n\n".utf8)
        _ = bytes.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var wait = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        _ = poll(&wait, 1, 5000)
        var byte: UInt8 = 0
        log(Glibc.read(fd, &byte, 1) == 1 ? "control: answered" : "control: turned away")
        close(fd)
    }

    private func obey(_ block: Block, _ words: [String]) {
        switch block.type {
        case "DRAIN":
            log("drain \(block["REASON"] ?? "") by \(block["BY_MS"] ?? "")")
            if words.contains("slow-stop") { return }
            exit(0)
        case "EXIT":
            log("exit of \(block["ID"] ?? "") \(block["INCARNATION"] ?? "") \(block["CAUSE"] ?? "")")
            if words.contains("confirm") {
                send(Block("EXITED", ["ID": block["ID"] ?? "", "INCARNATION": block["INCARNATION"] ?? ""]))
            }
        case "WORKER": log("row \(block["ID"] ?? "") \(block["STATE"] ?? "") \(block["INCARNATION"] ?? "")")
        case "GONE": log("gone \(block["ID"] ?? "")")
        default: log("block \(block.type)")
        }
    }

    /// Who it is, to everybody who connects.
    private func serve() {
        let client = clinux_accept(4)
        guard client >= 0 else { return }
        let bytes = Array("served by incarnation \(start["INCARNATION"] ?? "")\n".utf8)
        _ = bytes.withUnsafeBytes { Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        close(client)
    }

    private func log(_ text: String) {
        say("[\(start["KIND"] ?? "worker")] \(text)")
    }

    private func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }

    private func send(_ block: Block) {
        guard let bytes = try? block.encoded() else { return }
        _ = bytes.withUnsafeBytes { write(3, $0.baseAddress, $0.count) }
    }

    /// The next block, nil after `timeout` milliseconds. Without a supervisor it ends.
    private mutating func read(timeout: Int32) -> Block? {
        while true {
            if let block = try? decoder.next() { return block }
            var wait = [3, isServing ? 4 : -1].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&wait, 2, timeout) > 0 else { return nil }
            if wait[1].revents != 0 { serve() }
            guard wait[0].revents != 0 else { continue }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = Glibc.read(3, &bytes, bytes.count)
            if count == 0 { exit(0) }
            if count > 0 { decoder.append(bytes.prefix(count)) }
        }
    }
}
