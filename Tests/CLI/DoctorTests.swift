import Config
import IPCControl
import Testing

@testable import CLI

@Suite("doctor")
struct DoctorTests {
    /// A healthy gateway on Fly.
    private func healthy(_ change: (inout DoctorFacts) -> Void = { _ in }) -> DoctorFacts {
        var facts = DoctorFacts()
        facts.surroundings = .fly(app: "my-openclaw")
        facts.running = RunningFacts()
        change(&facts)
        return facts
    }

    private func row(_ id: String, kind: String = "channel", state: String = "ready", _ more: [String: String] = [:])
        throws -> WorkerRow
    {
        var block = Block("WORKER", ["ID": id, "KIND": kind, "STATE": state])
        for (key, value) in more { block[key] = value }
        return try #require(WorkerRow(block))
    }

    @Test("where all is well it finds nothing")
    func well() {
        #expect(DoctorChecks.all(healthy()) == [])
    }

    /// What is broken, what is to be found, and a part of what is said or to be typed.
    struct Trouble: Sendable, CustomTestStringConvertible {
        var id: String
        var level = Finding.Level.problem
        var says: String
        var types: String
        var change: @Sendable (inout DoctorFacts) -> Void
        var testDescription: String { "\(id): \(says)" }
    }

    static let troubles: [Trouble] = [
        // The guide's troubleshooting, entry by entry.
        Trouble(id: "loopback-in-container", says: "add --bind lan", types: "fly deploy") {
            $0.running?.bind = "loopback"
        },
        Trouble(id: "state-not-kept", says: "no mount point", types: "fly volumes list") { $0.state?.isKept = false },
        Trouble(id: "config-unusable", says: "is empty, as `tee`", types: "clawhold reload") {
            ($0.config.state, $0.config.isEmpty) = (.lastAccepted, true)
        },
        Trouble(
            id: "config-unusable",
            says: "JSON5 parse failed. None was ever accepted",
            types: "cat /data/openclaw.json"
        ) {
            ($0.config.state, $0.config.error) = (.unusable, "/data/openclaw.json cannot be used: JSON5 parse failed")
        },
        Trouble(id: "unreadable", says: "cannot be read by uid 1000", types: "chown -R 1000:1000 /data") {
            $0.state?.unreadable = ["/data/openclaw.json"]
        },
        Trouble(
            id: "stale-lock",
            level: .note,
            says: "keeps no start from succeeding",
            types: "rm /data/gateway.0badcafe.lock"
        ) {
            $0.staleLocks = ["/data/gateway.0badcafe.lock"]
        },
        Trouble(
            id: "other-config",
            level: .warning,
            says: "nobody reads it",
            types: "cp /data/clawdbot.json /data/openclaw.json"
        ) {
            $0.otherConfigs = ["/data/clawdbot.json"]
        },
        Trouble(id: "no-token", says: "without one no start", types: "fly secrets set OPENCLAW_GATEWAY_TOKEN") {
            ($0.running, $0.config.hasSecret) = (nil, false)
        },
        Trouble(id: "no-mode", level: .warning, says: "gateway.mode", types: "--allow-unconfigured") {
            ($0.running, $0.config.mode) = (nil, nil)
        },
        Trouble(id: "not-running", says: "No gateway runs for /data", types: "fly logs -a my-openclaw") {
            $0.running = nil
        },
        Trouble(id: "not-running", says: "No gateway runs", types: "journalctl -u clawhold") {
            ($0.running, $0.surroundings, $0.hasUnit) = (nil, .machine, true)
        },
        Trouble(id: "unanswered", says: "another user", types: "sudo") {
            ($0.running, $0.unanswered) = (nil, "The socket belongs to another user.")
        },
        Trouble(id: "little-memory", level: .warning, says: "128 MB", types: "fly machine update") {
            $0.running?.totalMegabytes = 128
        },
        // What a machine of one's own adds.
        Trouble(
            id: "openclaw-enabled",
            says: "at the next boot",
            types: "systemctl --user disable --now openclaw-gateway.service"
        ) {
            $0.enabledUnits = ["/root/.config/systemd/user/default.target.wants/openclaw-gateway.service"]
        },
        Trouble(id: "openclaw-runs", says: "PID 77 is a gateway of OpenClaw", types: "openclaw gateway stop") {
            $0.otherGateways = [.init(pid: 77, command: "node dist/index.js gateway")]
        },
        Trouble(id: "polled-elsewhere", says: "another process uses the same bot", types: "ps -ef") {
            $0.running?.channels = [.init(name: "telegram", text: "another poller uses this bot token (409 Conflict)")]
        },
        Trouble(id: "channel", level: .warning, says: "discord: no answer", types: "clawhold channels discord") {
            $0.running?.channels = [.init(name: "discord", text: "no answer")]
        },
        Trouble(id: "not-root", level: .note, says: "share that user", types: "") { $0.running?.uid = 1000 },
        Trouble(id: "volume-owner", says: "belongs to uid 0", types: "chown -R 1000 /data") {
            $0.running?.uid = 1000
            $0.state?.uid = 0
        },
        Trouble(id: "root-owns-state", level: .warning, says: "belongs to root", types: "chown -R 1000:1000 /data") {
            $0.state?.uid = 0
        },
        Trouble(id: "memory-rung", level: .note, says: "RLIMIT_DATA", types: "Delegate=") {
            $0.running?.rung = "rlimit"
            $0.surroundings = .machine
        },
        Trouble(id: "no-ipv6", level: .warning, says: "IPv4 only", types: "disable_ipv6") {
            $0.running?.listening = ["0.0.0.0"]
        },
        Trouble(id: "origin", level: .warning, says: "https://my.example/", types: "clawhold config file") {
            $0.config.allowedOrigins = ["https://my.example/", "https://fine.example:8443", "*"]
        },
        Trouble(id: "config", says: "channel:telegram:default is off", types: "clawhold reload") {
            $0.config.problems = [
                ConfigProblem(
                    path: "channels.telegram",
                    line: 7,
                    text: "is no object",
                    disables: "channel:telegram:default"
                )
            ]
        },
        Trouble(id: "disk-full", says: "3 MB are free", types: "du -xh /data") { $0.state?.freeMegabytes = 3 },
        Trouble(id: "state-read-only", says: "read-only", types: "remount,rw") { $0.state?.isReadOnly = true },
        Trouble(id: "no-state-directory", says: "does not exist", types: "ls -ld /data") { $0.state = nil },
        Trouble(id: "gateway-silent", says: "does not answer /healthz", types: "clawhold restart gateway") {
            $0.running?.isHealthy = false
        },
        Trouble(id: "other-version", level: .warning, says: "Version 2025.1.1 runs", types: "clawhold upgrade") {
            $0.running?.version = "2025.1.1"
        },
        Trouble(id: "half-written", level: .note, says: "interrupted", types: "rm /data/x.tmp") {
            $0.halfWritten = ["/data/x.tmp"]
        },
        Trouble(id: "no-config", level: .note, says: "There is no /data/openclaw.json", types: "pairing") {
            $0.config.state = .missing
        },
    ]

    @Test("each trouble is found, and says what to type", arguments: troubles)
    func finds(trouble: Trouble) throws {
        let found = DoctorChecks.all(healthy(trouble.change))
        let finding = try #require(found.first { $0.id == trouble.id && $0.text.contains(trouble.says) }, "\(found)")
        #expect(finding.level == trouble.level)
        #expect(
            trouble.types.isEmpty || finding.commands.contains { $0.contains(trouble.types) },
            "\(finding.commands)"
        )
    }

    @Test("a worker in trouble, one that burst, and a probe that never came")
    func workers() throws {
        let rows = [
            try row(
                "sidecar:hog",
                kind: "sidecar",
                state: "quarantined",
                ["DEATH": "out of memory in its own budget (48 MB)"]
            ),
            try row(
                "channel:discord:default",
                ["CAUSE": "oom-own", "DEATH": "out of memory in its own budget (96 MB)"]
            ),
            try row(
                "gateway",
                kind: "gateway",
                ["TEXT": "no health check reached /healthz: set internal_port = 3000"]
            ),
            try row("model:demo", kind: "model", state: "stopped"),
        ]
        let facts = healthy { $0.running?.workers = rows }
        let found = DoctorChecks.all(facts)
        #expect(found.map(\.id) == ["worker-quarantined", "no-probe", "worker-oom", "demo-model"])
        #expect(found[0].commands == ["clawhold logs sidecar:hog", "clawhold reset sidecar:hog"])
    }

    @Test("problems come first, and make the JSON say that not all is well")
    func page() {
        let facts = healthy {
            $0.state?.uid = 0
            $0.running?.bind = "loopback"
        }
        let found = DoctorChecks.all(facts)
        #expect(found.first?.level == .problem)
        #expect(DoctorPage.json(facts, found).hasPrefix(#"{"ok":false,"running":true,"stateDir":"/data""#))
        #expect(DoctorPage.json(facts, []).contains(#""ok":true"#))
        let lines = DoctorPage.lines(facts, found, style: .plain, width: 60)
        #expect(lines.allSatisfy { $0.count <= 200 } && lines.last == "1 problem, 1 warning.")
        #expect(DoctorPage.lines(facts, [], style: .plain, width: 60).last == "Nothing is wrong.")
    }

    @Test("OpenClaw's gateway is told from everything else")
    func processes() {
        #expect(DoctorLook.isOpenClawGateway(["/usr/bin/node", "/app/dist/index.js", "gateway", "--port", "18789"]))
        #expect(DoctorLook.isOpenClawGateway(["node", "openclaw.mjs", "gateway"]))
        #expect(DoctorLook.isOpenClawGateway(["openclaw-gateway"]))
        #expect(!DoctorLook.isOpenClawGateway(["openclaw", "gateway"]), "that is Clawhold under its other name")
        #expect(!DoctorLook.isOpenClawGateway(["node", "server.js", "gateway"]))
        #expect(!DoctorLook.isOpenClawGateway(["grep", "dist/index.js", "gateway"]))
        #expect(!DoctorLook.isOpenClawGateway([]))
        #expect(
            DoctorLook.isOpenClawUnit("openclaw-gateway.service")
                && DoctorLook.isOpenClawUnit("clawdbot-gateway-dev.service")
        )
        #expect(!DoctorLook.isOpenClawUnit("clawhold.service"))
    }

    @Test("the kernel's table tells the addresses of a port")
    func listening() {
        let ipv4 = """
              sl  local_address rem_address   st
               0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000
               1: 00000000:0BB8 0100007F:D2F0 01 00000000:00000000
            """
        let ipv6 = "   0: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 0:0"
        #expect(ListenTable.addresses(port: 3000, ipv4: ipv4, ipv6: ipv6) == ["127.0.0.1", "::"])
        #expect(ListenTable.addresses(port: 3001, ipv4: ipv4, ipv6: ipv6) == [])
        #expect(ListenTable.addresses(port: 3000, ipv4: "x", ipv6: "") == [])
    }
}
