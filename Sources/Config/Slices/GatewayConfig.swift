/// What the gateway is started with: the CONFIG of the worker `gateway`, resolved and without secrets.
///
/// The shared secret itself comes as SECRET `GATEWAY_TOKEN` or `GATEWAY_PASSWORD`, by `auth.mode`.
package struct GatewayConfig: Codable, Sendable, Equatable {
    /// Version of the program, `YYYY.M.D`.
    package var version = ""
    /// Absolute.
    package var stateDirectory = ""
    /// Absolute; the file need not exist.
    package var configPath = ""
    package var port = 18789
    /// `loopback`, `lan`, `custom`, `tailnet`, after `auto` was resolved.
    package var bind = "loopback"
    /// What people are shown: `127.0.0.1`, `0.0.0.0`.
    package var bindHost = "127.0.0.1"
    package var auth = GatewayAuth()
    package var controlUI = ControlUIConfig()
    /// The name of the application on Fly.io; empty elsewhere.
    package var flyApp = ""
    /// Addresses (or CIDR blocks) of proxies whose forwarding headers count.
    package var trustedProxies: [String] = []
    /// Never empty: without a configured agent, `main`.
    package var agents: [AgentRoute] = [AgentRoute(id: "main")]
    /// Id of the agent that gets what no binding claims.
    package var defaultAgent = "main"
    /// In the order of the file; the order decides within a tier.
    package var bindings: [BindingRule] = []
    package var session = SessionConfig()
    package var queue = QueueConfig()
    package var commands = CommandsConfig()
    package var alerts = AlertsConfig()
    /// Turns that may run at once, over all agents.
    package var maxConcurrent = 4
    /// One per channel account that has a worker.
    package var channels: [ChannelAccess] = []
    /// Every account that is written down, those without a worker too.
    package var listings: [ChannelListing] = []
    /// The model workers of this plan, the demonstration model among them.
    package var models: [ModelWorkerEntry] = []
    /// Models that are written down, each once.
    package var catalog: [CatalogModel] = []
    /// Prices that are written down; they count before the built-in ones, the first that fits.
    package var prices: [PriceEntry] = []
    package var spend = SpendConfig()
    package var endpoint = EndpointConfig()
    /// Who turns speech into text, best first.
    package var transcribers: [ModelRef] = []
    /// Set only while no provider at all has a credential: what WebChat, and only WebChat, is answered with.
    package var demoModel: ModelRef?
    /// Worker ids of the sidecars.
    package var sidecars: [String] = []
    /// The tunnels of this plan, with who is told their addresses.
    package var tunnels: [TunnelEntry] = []
    /// Telephone calls; nil: there are none.
    package var voice: GatewayVoice?
    package var file = ConfigFileState()

    package init() {}

    /// The agent with this id, or the default one.
    package func agent(_ id: String) -> AgentRoute {
        agents.first { $0.id == id } ?? agents.first { $0.id == defaultAgent } ?? AgentRoute(id: defaultAgent)
    }
}

/// How a client proves itself.
package struct GatewayAuth: Codable, Sendable, Equatable {
    package enum Mode: String, Codable, Sendable {
        case token
        case password
    }

    package var mode = Mode.token
    /// False: no usable secret; every connect is refused while `/healthz` answers.
    package var usable = true

    package init() {}
}

/// `gateway.controlUi`.
package struct ControlUIConfig: Codable, Sendable, Equatable {
    package var enabled = true
    /// Empty, or `/x` without a slash at its end.
    package var basePath = ""
    /// Origins allowed besides the page's own host; `*` allows all.
    package var allowedOrigins: [String] = []
    package var allowInsecureAuth = false
    package var dangerouslyDisableDeviceAuth = false

    package init() {}
}

/// One agent as the gateway needs to know it.
package struct AgentRoute: Codable, Sendable, Equatable {
    /// Normalised: `[a-z0-9][a-z0-9_-]{0,63}`.
    package var id: String
    package var name = ""
    /// `agent:<id>`.
    package var worker: String
    package var model = ModelRoute()
    /// Patterns that count as a mention in groups, sound ones only: `agents.list[].groupChat.mentionPatterns`, else
    /// `messages.groupChat.mentionPatterns`.
    package var mentionPatterns: [String] = []

    package init(id: String) {
        self.id = id
        worker = "agent:\(id)"
    }
}

/// `agents.defaults.model`, with the worker that serves each model.
package struct ModelRoute: Codable, Sendable, Equatable {
    package var primary = ModelRef()
    package var fallbacks: [ModelRef] = []

    package init() {}
}

/// A model, and who serves it.
package struct ModelRef: Codable, Sendable, Equatable {
    /// `anthropic/claude-opus-4-6`; empty when nothing is configured and no provider has a credential.
    package var model = ""
    /// `model:anthropic`; empty: `unavailable` is the answer.
    package var worker = ""
    /// The sentence that a person is told, with what to do.
    package var unavailable = ""

    package init() {}

    package init(model: String, worker: String) {
        self.model = model
        self.worker = worker
    }

    package init(model: String, unavailable: String) {
        self.model = model
        self.unavailable = unavailable
    }
}

/// One model worker of this plan.
package struct ModelWorkerEntry: Codable, Sendable, Equatable {
    /// `model:anthropic`.
    package var worker: String
    /// `anthropic`: the part of a model's name before the first slash.
    package var provider: String

    package init(worker: String, provider: String) {
        self.worker = worker
        self.provider = provider
    }
}

/// One entry of `bindings`.
///
/// Absent parts are nil; which account an absent one means is the rule of the router.
package struct BindingRule: Codable, Sendable, Equatable {
    package var agentID: String
    /// Lower case.
    package var channel: String
    /// Absent: only the account `default`; `*`: any.
    package var accountID: String?
    /// `dm`, `group`, `channel`.
    package var peerKind: String?
    package var peerID: String?
    package var guildID: String?
    package var teamID: String?

    package init(agentID: String, channel: String) {
        self.agentID = agentID
        self.channel = channel
    }
}

/// `session`.
package struct SessionConfig: Codable, Sendable, Equatable {
    package enum DMScope: String, Codable, Sendable {
        case main
        case perPeer = "per-peer"
        case perChannelPeer = "per-channel-peer"
        case perAccountChannelPeer = "per-account-channel-peer"
    }

    package enum Scope: String, Codable, Sendable {
        case perSender = "per-sender"
        case global
    }

    package var dmScope = DMScope.main
    package var scope = Scope.perSender
    /// Always `main`; OpenClaw ignores another value too.
    package var mainKey = "main"
    /// One person under one name: canonical name to `telegram:123` and the like.
    package var identityLinks: [String: [String]] = [:]

    package init() {}
}

/// `messages.queue` and `messages.inbound`: what happens to messages while a turn of their conversation runs.
package struct QueueConfig: Codable, Sendable, Equatable {
    /// `collect`, `followup`, `steer`, `steer-backlog`, `interrupt`, `queue`.
    package var mode = "collect"
    package var debounceMilliseconds = 1000
    /// Messages that wait per conversation.
    package var cap = 20
    /// `summarize`, `old`, `new`.
    package var drop = "summarize"
    /// By network (`telegram`), where that differs.
    package var modeByChannel: [String: String] = [:]
    package var debounceByChannel: [String: Int] = [:]
    /// How long a text waits for more of its sender; 0: not at all.
    package var inboundDebounceMilliseconds = 0
    package var inboundDebounceByChannel: [String: Int] = [:]
    /// Older messages are not answered any more; 0: however old they are. From `clawhold.json`.
    package var maxAgeHours = 24

    package init() {}
}

/// `commands`: who may give them.
package struct CommandsConfig: Codable, Sendable, Equatable {
    /// Only senders that a list names; false: whoever may talk.
    package var useAccessGroups = true

    package init() {}
}

/// `alerts` of `clawhold.json`: what the owner is told in the chat.
package struct AlertsConfig: Codable, Sendable, Equatable {
    package var enabled = true
    /// Causes that are not told: `quarantine`, `memory`, `dead-letter`, `parked`, `key`, `billing`, `spend`, `disk`.
    package var off: [String] = []
    /// The same cause is told once in this time.
    package var everyMinutes = 60

    package init() {}
}

/// What became of the configuration file.
package struct ConfigFileState: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        /// Read and in force, perhaps with parts disabled.
        case accepted
        /// There is none.
        case missing
        /// The file cannot be used; the last accepted one is in force.
        case lastAccepted
        /// The file cannot be used and no other was ever accepted: no channels.
        case unusable
    }

    package var state = State.missing
    /// For people: what is wrong with the file as a whole, with line and column; empty when it was accepted.
    package var error = ""
    /// Warnings and disabled parts, in the order of the file.
    package var problems: [ConfigProblem] = []

    package init() {}
}

/// One thing in the configuration that is not as it should be.
package struct ConfigProblem: Codable, Sendable, Equatable {
    /// Dotted, numbers for array elements: `agents.list.0.id`; empty: the whole file.
    package var path: String
    /// From 1; 0 when it has no place in the file (an environment variable).
    package var line: Int
    /// In words, without the path.
    package var text: String
    /// The part that is switched off because of it (`channel:telegram:default`); empty for a warning.
    package var disables: String

    package init(path: String, line: Int, text: String, disables: String = "") {
        self.path = path
        self.line = line
        self.text = text
        self.disables = disables
    }
}
