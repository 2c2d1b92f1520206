internal import Config
internal import NIOCore
internal import Synchronization

/// ngrok's agent as a child of this worker. Its token goes through its environment: `ngrok config add-authtoken` would
/// rewrite the user's file, and an argument is for everybody to see.
final class NgrokProvider: TunnelProvider {
    let patience = Duration.seconds(120)
    private let config: TunnelConfig
    private let token: String
    private let loop: any EventLoop
    private let http: LocalHTTP
    /// How often the agent is asked: it reconnects by itself, and may come back with another address.
    private let askEvery: Duration
    /// This agent does not know `--url` yet.
    private let usesOldFlag = Mutex(false)

    init(
        config: TunnelConfig,
        token: String,
        loop: any EventLoop,
        http: LocalHTTP,
        askEvery: Duration = .seconds(15)
    ) {
        self.config = config
        self.token = token
        self.loop = loop
        self.http = http
        self.askEvery = askEvery
    }

    func run(port: Int, _ tell: @escaping @Sendable (ProviderNews) -> Void) async -> ProviderEnd {
        let child = WatchedChild(program: program(port: port), loop: loop, askEvery: askEvery)
        let (watch, ended) = await child.run(NgrokWatch(domain: config.domain, port: port), ask: ask, tell: tell)
        if watch.isOld {
            usesOldFlag.withLock { $0 = true }
            return ProviderEnd(.retry, "this ngrok knows no --url, the older --domain is used")
        }
        switch ended {
        case .decided(let end): return end
        case .failed(let error): return ProviderEnd.unstartable(error, config)
        case .exited(let exit): return watch.verdict ?? ProviderEnd(.retry, "ngrok ended (\(exit))")
        }
    }

    private func program(port: Int) -> ChildProgram {
        var program = ChildProgram(path: config.program)
        program.arguments = ["http", "127.0.0.1:\(port)", "--log", "stdout", "--log-format", "json"]
        if !config.domain.isEmpty {
            program.arguments +=
                usesOldFlag.withLock { $0 } ? ["--domain", config.domain] : ["--url", "https://\(config.domain)"]
        }
        program.environment = ChildEnvironment.make(["NGROK_AUTHTOKEN": token])
        program.hidden = token
        return program
    }

    @Sendable private func ask(_ api: String) async -> [UInt8]? {
        for path in NgrokAPI.paths {
            if let answer = await http.get("http://\(api)\(path)"), NgrokAPI.address(in: answer, port: 0) != nil {
                return answer
            }
        }
        return nil
    }
}
