internal import ArgumentParser
internal import Glibc
internal import IPCControl

/// `health`: asks the gateway itself. Exit code 1 when it does not answer or is not ready.
struct HealthCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "health",
            abstract:
                "Asks the gateway for /healthz and /readyz; exit code 1 unless it is ready (with --live: unless it answers)."
        )
    }

    @OptionGroup var common: CommonOptions

    /// For the image's health check: a sidecar in quarantine must not make an orchestrator restart everybody.
    @Flag(help: "Only whether it answers; what one worker lacks does not count.")
    var live = false

    func run() throws {
        try HealthCheck.show(common, onlyLive: live)
    }
}

/// What `health` and `gateway health` print.
enum HealthCheck {
    static func show(_ common: CommonOptions, onlyLive: Bool = false) throws {
        let found = try common.discovery.find()
        let start = Terminal.now()
        let alive = HTTPProbe.status(of: "/healthz", socket: found.rpcSocket)
        let milliseconds = Terminal.now() - start
        let ready = HTTPProbe.status(of: "/readyz", socket: found.rpcSocket)
        let isGood = alive == 200 && (onlyLive || ready == 200)
        if common.json {
            Terminal.say(
                JSONText.object([
                    ("ok", .bool(isGood)),
                    ("ts", .integer(start)),
                    ("durationMs", .integer(milliseconds)),
                    ("healthz", alive.map { .integer(Int64($0)) } ?? .null),
                    ("readyz", ready.map { .integer(Int64($0)) } ?? .null),
                ])
            )
        } else {
            Terminal.say("Gateway Health")
            if alive == 200 { Terminal.say("OK (\(milliseconds)ms)") }
        }
        guard !isGood else { return }
        throw CommandFailure(
            text: alive == nil
                ? "The gateway does not answer. The supervisor does: see  clawhold ps  and  clawhold logs gateway"
                : "The gateway answers, but is not ready (\(ready.map(String.init) ?? "no answer")). See:  clawhold status"
        )
    }
}

/// The least HTTP client that can ask for a status.
enum HTTPProbe {
    /// The status of a GET over a Unix socket; nil without an answer within five seconds.
    static func status(of path: String, socket: String) -> Int? {
        guard let fd = UnixStream.connect(socket) else { return nil }
        defer { close(fd) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let request = [UInt8]("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        guard send(fd, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 512)
        while answer.count < 32 {
            let count = recv(fd, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            answer += chunk[..<count]
        }
        return status(in: answer)
    }

    /// The number of a status line, `HTTP/1.1 200 OK`.
    static func status(in answer: [UInt8]) -> Int? {
        let words = String(decoding: answer.prefix(32), as: UTF8.self).split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1.") else { return nil }
        return Int(words[1].prefix(3))
    }
}
