internal import Config
internal import IPCControl

/// The workers that a configuration asks for.
struct Fleet {
    /// Bytes of one worker's configuration; the supervisor takes four times that, a plan of 8 MiB in all.
    static let sliceLimit = 1 << 20

    var config: LoadedConfig
    /// All but the gateway.
    private(set) var drafts: [WorkerDraft] = []
    /// For the log.
    private(set) var notices: [Notice] = []
    private let agents: [AgentEntry]
    let routing: ModelRouting
    private let catalog: ModelCatalog
    private var channels: [ChannelAccess] = []
    private var tunnels: [TunnelEntry] = []
    var voice: PlannedVoice?

    /// - Parameter port: the gateway's.
    init(config: LoadedConfig, port: Int, files: some FileReading) {
        self.config = config
        agents = config.agents()
        let directory = agents.first { $0.isDefault }?.agentDirectory ?? ""
        routing = ModelRouting(providers: config.providers(agentDirectory: directory, files: files), config: config)
        catalog = ModelCatalog(config: config, routing: routing)
        for problem in catalog.problems { self.config.report(problem) }
        readVoice(port: port)
        addAgents()
        addChannels(port: port, files)
        addModels()
        addSidecars(files)
        nameUnknownBudgets()
    }

    /// The gateway, whose configuration names all the others.
    func gateway(port: Int, bind: BindChoice, secret: GatewaySecret) -> WorkerDraft? {
        var slice = GatewayConfig()
        slice.version = Build.version
        slice.stateDirectory = config.paths.stateDirectory
        slice.configPath = config.paths.configPath
        slice.port = port
        slice.bind = bind.mode.rawValue
        slice.bindHost = bind.text
        slice.auth.mode = secret.mode
        slice.auth.usable = secret.value != nil
        slice.controlUI = config.controlUI()
        if let app = config.environment.flyApp {
            slice.flyApp = app
            slice.controlUI.allowedOrigins.append("https://\(app).fly.dev")
        }
        slice.trustedProxies = config.value(["gateway", "trustedProxies"])?.array?.compactMap(\.string) ?? []
        slice.agents = agents.map { agent in
            var route = AgentRoute(id: agent.id)
            route.name = agent.name
            route.model = routing.route(agent.model)
            route.mentionPatterns = agent.mentionPatterns
            return route
        }
        slice.defaultAgent = agents.first { $0.isDefault }?.id ?? "main"
        slice.bindings = config.bindings()
        slice.session = config.session()
        slice.queue = config.queue()
        slice.commands = config.commands()
        slice.alerts = config.alerts()
        slice.maxConcurrent = maxConcurrent
        slice.channels = channels
        slice.listings = config.channelListings()
        slice.models = drafts.filter { $0.id.kind == .model }.map {
            ModelWorkerEntry(worker: $0.id.rawValue, provider: $0.id.parts.first ?? "")
        }
        slice.catalog = catalog.models
        slice.prices = catalog.prices
        slice.spend = catalog.spend
        slice.endpoint = config.endpoint()
        slice.transcribers = catalog.transcribers
        slice.demoModel = routing.usesDemo ? ModelRouting.demo : nil
        slice.sidecars = drafts.filter { $0.id.kind == .sidecar }.map(\.id.rawValue)
        slice.tunnels = tunnels
        slice.voice = gatewayVoice()
        slice.file.state = config.state
        slice.file.error = config.error
        slice.file.problems = config.problems
        let name = secret.mode == .token ? "GATEWAY_TOKEN" : "GATEWAY_PASSWORD"
        return WorkerID("gateway").flatMap { draft($0, slice, secrets: secret.value.map { [(name, $0)] } ?? []) }
    }

    /// Adds lines for the log.
    mutating func note(_ more: [Notice]) { notices += more }

    /// A budget for nobody is a misspelt name.
    private mutating func nameUnknownBudgets() {
        for member in config.anyOwnValue(["memory", "workers"])?.object?.members ?? [] {
            guard WorkerKind(rawValue: member.key) == nil, !drafts.contains(where: { $0.id.rawValue == member.key })
            else { continue }
            let kinds = WorkerKind.allCases.map(\.rawValue).joined(separator: ", ")
            config.report(
                ConfigProblem(
                    path: "clawhold.json: memory.workers.\(member.key)",
                    line: Int(member.position.line),
                    text: "no worker has this name (clawhold ps lists them), nor is it a kind of worker: \(kinds)"
                )
            )
        }
    }

    private var maxConcurrent: Int { config.value(["agents", "defaults", "maxConcurrent"])?.integer ?? 4 }

    private mutating func addAgents() {
        for agent in agents {
            guard let id = WorkerID("agent:\(agent.id)") else { continue }
            var slice = AgentConfig()
            slice.id = agent.id
            slice.name = agent.name
            slice.sessionsDirectory = "\(config.paths.stateDirectory)/agents/\(agent.id)/sessions"
            slice.agentDirectory = agent.agentDirectory
            slice.workspace = agent.workspace
            slice.model = routing.usesDemo ? ModelRouting.demo.model : routing.route(agent.model).primary.model
            slice.contextTokens = config.value(["agents", "defaults", "contextTokens"])?.integer ?? 200_000
            slice.timeoutSeconds = config.value(["agents", "defaults", "timeoutSeconds"])?.integer ?? 600
            slice.maxConcurrent = maxConcurrent
            slice.thinking = config.value(["agents", "defaults", "thinkingDefault"])?.string ?? ""
            slice.userTimezone = config.value(["agents", "defaults", "userTimezone"])?.string ?? ""
            slice.mediaDirectory = "\(config.paths.stateDirectory)/media"
            slice.envelopeTimezone = config.envelopeTimezone()
            slice.envelopeTimestamp = config.isOn(["agents", "defaults", "envelopeTimestamp"])
            slice.envelopeElapsed = config.isOn(["agents", "defaults", "envelopeElapsed"])
            slice.version = Build.version
            slice.session = config.session()
            slice.voice = agentVoice
            add(id, slice)
        }
    }

    private mutating func addChannels(port: Int, _ files: some FileReading) {
        notices += ChannelNotices.unsupported(config)
        if let reason = ChannelNotices.off("discord", "DISCORD_BOT_TOKEN", config) {
            notices.append(reason)
        } else if config.state != .unusable {
            for account in config.discordAccounts() {
                addChannel(account.access, account.config, secrets: [("DISCORD_BOT_TOKEN", account.token)])
            }
        }
        var telegram: [TelegramAccount] = []
        if let reason = ChannelNotices.off("telegram", "TELEGRAM_BOT_TOKEN", config) {
            notices.append(reason)
        } else if config.state != .unusable {
            telegram = config.telegramAccounts(files: files)
        }
        addTunnels(port: port, for: &telegram, files)
        for account in telegram {
            var secrets = [("TELEGRAM_BOT_TOKEN", account.token)]
            if !account.webhookSecret.isEmpty { secrets.append(("TELEGRAM_WEBHOOK_SECRET", account.webhookSecret)) }
            addChannel(account.access, account.config, secrets: secrets)
        }
        if let voice {
            addChannel(voice.access, voice.config, secrets: voice.secrets.map { ($0.name, $0.value) })
        }
    }

    /// An account whose webhook no tunnel lets through goes on polling.
    private mutating func addTunnels(port: Int, for telegram: inout [TelegramAccount], _ files: some FileReading) {
        guard config.state != .unusable else { return }
        let routes = telegram.filter(\.config.usesTunnel).map {
            TunnelRoute(worker: $0.access.worker, path: $0.config.webhookPath, port: $0.config.webhookPort)
        }
        let planned = Tunnels(&config, gatewayPort: port, telegram: routes, voice: voice, files: files)
        for tunnel in planned.configs {
            guard let id = WorkerID(tunnel.config.worker) else { continue }
            tunnels.append(TunnelEntry(tunnel.config))
            add(id, tunnel.config, secrets: tunnel.token.isEmpty ? [] : [("TUNNEL_TOKEN", tunnel.token)])
        }
        drafts += planned.daemons
        notices += planned.notices
        if let worker = voice?.access.worker {
            voice?.config.usesTunnel = tunnels.contains { tunnel in
                tunnel.isPublic && tunnel.routes.contains { $0.worker == worker }
            }
        }
        for index in telegram.indices where telegram[index].config.usesTunnel {
            telegram[index].config.usesTunnel = tunnels.contains { tunnel in
                tunnel.isPublic && tunnel.routes.contains { $0.worker == telegram[index].access.worker }
            }
        }
    }

    private mutating func addChannel(_ access: ChannelAccess, _ slice: some Encodable, secrets: [(String, String)]) {
        guard let id = WorkerID(access.worker) else { return }
        channels.append(access)
        add(id, slice, secrets: secrets)
    }

    private mutating func addModels() {
        for problem in routing.providers.problems { config.report(problem) }
        for entry in routing.providers.entries {
            guard let id = WorkerID("model:\(entry.config.provider)") else { continue }
            add(id, entry.config, secrets: entry.secrets.map { ($0.name, $0.value) })
        }
        for provider in routing.providers.named {
            guard let unusable = routing.providers.unusable[provider] else { continue }
            let text =
                "the model provider \(provider.prefix(60)) cannot be called: \(unusable.reason). \(unusable.remedy)"
            notices.append(Notice(level: "warn", text: text))
        }
        if routing.usesDemo, let id = WorkerID("model:demo") {
            var slice = DemoConfig()
            slice.version = Build.version
            slice.charactersPerSecond = config.ownValue(["demo", "charactersPerSecond"])?.integer ?? 300
            add(id, slice)
            notices.append(
                Notice(
                    level: "warn",
                    text:
                        "no model provider has a key: WebChat is answered by the demonstration model, and nothing else is."
                        + " Set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or another provider's key to change that."
                )
            )
        }
    }

    private mutating func addSidecars(_ files: some FileReading) {
        let sidecars = Sidecars(config, files: files)
        drafts += sidecars.drafts
        for problem in sidecars.problems { config.report(problem) }
    }

    private mutating func add(_ id: WorkerID, _ slice: some Encodable, secrets: [(String, String)] = []) {
        guard let draft = draft(id, slice, secrets: secrets) else {
            let text = "its part of the configuration is larger than \(Self.sliceLimit) bytes"
            config.report(ConfigProblem(path: "", line: 0, text: text, disables: id.rawValue))
            return
        }
        drafts.append(draft)
    }

    private func draft(_ id: WorkerID, _ slice: some Encodable, secrets: [(String, String)]) -> WorkerDraft? {
        // Encoding fails for no value that these structs can hold; a worker without its part would be worse than none.
        guard let bytes = try? encodeSlice(slice), bytes.count <= Self.sliceLimit else { return nil }
        var draft = WorkerDraft(id: id, budget: .of(id, config: config))
        draft.config = bytes
        draft.secrets = secrets.map { (name: $0.0, value: $0.1) }
        switch id.kind {
        case .gateway: (draft.uid, draft.network) = ("owner", false)
        case .agent: (draft.uid, draft.network, draft.start) = ("owner", false, "demand")
        case .model: draft.start = "demand"
        // tailscaled listens to its own user, root and nobody else.
        case .tunnel: if id.parts == ["tailscale"] { draft.uid = "owner" }
        case .channel, .sidecar, .tool: break
        }
        // The demonstration model calls nobody.
        if id.rawValue == "model:demo" { draft.network = false }
        return draft
    }
}
