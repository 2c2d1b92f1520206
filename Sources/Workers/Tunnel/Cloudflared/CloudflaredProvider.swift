internal import Config
internal import NIOCore

/// cloudflared as a child of this worker: a quick tunnel with an address of Cloudflare's choice, or a named one with a token
/// (in its environment) and the public hostname of the configuration.
final class CloudflaredProvider: TunnelProvider {
    /// A quick tunnel's name may take a while to be known everywhere.
    let patience = Duration.seconds(180)
    private let config: TunnelConfig
    private let token: String
    private let loop: any EventLoop
    private let http: LocalHTTP
    private let askEvery: Duration

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
        let (watch, ended) = await child.run(
            CloudflaredWatch(domain: config.domain),
            ask: { [http] in await http.get("http://\($0)/quicktunnel") },
            tell: tell
        )
        switch ended {
        case .decided(let end): return end
        case .failed(let error): return ProviderEnd.unstartable(error, config)
        case .exited(let exit): return watch.verdict ?? ProviderEnd(.retry, "cloudflared ended (\(exit))")
        }
    }

    private func program(port: Int) -> ChildProgram {
        var program = ChildProgram(path: config.program)
        // A settings file in somebody's home would forbid a quick tunnel; port 0: any free one, its log says which.
        program.arguments = ["tunnel", "--config", "/dev/null", "--no-autoupdate", "--metrics", "127.0.0.1:0"]
        program.arguments += config.domain.isEmpty ? ["--url", "http://127.0.0.1:\(port)"] : ["run"]
        program.environment = ChildEnvironment.make(token.isEmpty ? [:] : ["TUNNEL_TOKEN": token])
        program.hidden = token
        return program
    }
}
