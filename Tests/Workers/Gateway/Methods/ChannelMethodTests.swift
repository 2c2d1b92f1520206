internal import Config
internal import IPCHub
internal import Journal
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("Channels over real sockets")
struct ChannelMethodTests {
    private static func listing(
        _ channel: String,
        _ account: String = "default",
        _ source: ChannelListing.TokenSource = .config,
        isEnabled: Bool = true
    ) -> ChannelListing {
        var listing = ChannelListing(channel: channel, account: account)
        listing.tokenSource = source
        listing.isEnabled = isEnabled
        return listing
    }

    private static func row(_ id: String, _ state: String, _ change: (inout WorkerRow) -> Void = { _ in }) -> WorkerRow
    {
        var row = WorkerRow(id: id, kind: "channel")
        row.state = state
        (row.pid, row.incarnation, row.restarts, row.sinceMilliseconds) = (7, 3, 2, 5000)
        change(&row)
        return row
    }

    /// Telegram in four conditions, Discord without a token, a network that there is no worker for.
    private static func fleet(_ setup: inout EdgeBench.Setup) {
        setup.config.listings = [
            listing("discord", "default", .none), listing("telegram", "work"), listing("telegram"),
            listing("telegram", "off", isEnabled: false), listing("telegram", "bad"), listing("matrix"),
        ]
        setup.config.listings[5].isSupported = false
        setup.config.file.problems = [
            ConfigProblem(
                path: "channels.telegram.accounts.bad",
                line: 12,
                text: "no",
                disables: "channel:telegram:bad"
            )
        ]
        setup.config.channels = [ChannelAccess(channel: "telegram", account: "default")]
        setup.rows = [
            row("channel:telegram:default", "ready"),
            row("channel:telegram:work", "parked") { $0.text = "401: bad token" },
            row("agent:main", "ready"),
        ]
    }

    private static func figures() -> ChannelFigures {
        var figures = ChannelFigures()
        (figures.journalPending, figures.outboxPending, figures.deadLetters) = (1, 2, 3)
        (figures.lastInboundAt, figures.lastOutboundAt, figures.ignored) = (10, 20, 4)
        (figures.lastIgnoredAt, figures.lastIgnoredReason) = (30, "not in the list")
        return figures
    }

    private static func facts() -> [String: ChannelFacts] {
        var facts = ChannelFacts()
        (facts.isConnected, facts.name, facts.botID, facts.mode) = (true, "@bot", "42", "polling")
        facts.warnings = ["privacy mode is on: @BotFather, /setprivacy"]
        facts.figures = figures()
        var webchat = ChannelFacts()
        webchat.figures = ChannelFigures()
        webchat.figures?.lastInboundAt = 77
        return ["channel:telegram:default": facts, "webchat": webchat]
    }

    private static func account(_ payload: WireValue?, _ channel: String, _ id: String = "default") -> WireValue {
        payload?["channelAccounts"]?[channel]?.items?.first { $0["accountId"]?.text == id } ?? .null
    }

    @Test(
        "status has every account, running or not, in OpenClaw's order and shape, with the reason of each that is not"
    )
    func status() async throws {
        try await EdgeBench.run(Self.fleet) { bench in
            bench.engine.state.withLock { $0.channels = Self.facts() }
            let payload = try await bench.client(scopes: ["operator.read"]).ask("channels.status", ["timeoutMs": 8000])[
                "payload"
            ]
            #expect(payload?["channelOrder"] == ["telegram", "discord", "matrix", "webchat"])
            #expect(payload?["channelLabels"]?["webchat"] == "WebChat")
            #expect(
                payload?["channelMeta"]?.items?.first == [
                    "id": "telegram", "label": "Telegram", "detailLabel": "Telegram",
                ]
            )
            #expect(
                payload?["channelAccounts"]?["telegram"]?.items?.map { $0["accountId"]?.text } == [
                    "default", "bad", "off", "work",
                ]
            )
            let telegram = Self.account(payload, "telegram")
            #expect(telegram["connected"] == true && telegram["running"] == true && telegram["lastError"] == .null)
            #expect(
                telegram["mode"] == "polling" && telegram["tokenSource"] == "config"
                    && telegram["dmPolicy"] == "pairing"
            )
            #expect(telegram["bot"] == ["id": "42", "username": "@bot"] && telegram["name"] == "@bot")
            #expect(
                telegram["lastInboundAt"] == 10 && telegram["lastOutboundAt"] == 20 && telegram["lastStartAt"] == 5000
            )
            #expect(telegram["warnings"]?.items?.count == 1)
            #expect(telegram["ignored"] == ["today": 4, "lastAt": 30, "lastReason": "not in the list"])
            let worker = telegram["worker"]
            #expect(worker?["pid"] == 7 && worker?["epoch"] == 3 && worker?["restarts"] == 2)
            #expect(worker?["journalPending"] == 1 && worker?["outboxPending"] == 2 && worker?["deadLetters"] == 3)
            #expect(telegram["probe"] == nil)
            #expect(Self.account(payload, "telegram", "work")["lastError"] == "401: bad token")
            #expect(Self.account(payload, "telegram", "off")["lastError"] == "disabled")
            #expect(
                Self.account(payload, "telegram", "bad")["lastError"] == "channels.telegram.accounts.bad (line 12): no"
            )
            let discord = Self.account(payload, "discord")
            #expect(
                discord["lastError"] == "not configured" && discord["configured"] == false
                    && discord["running"] == false
            )
            #expect(Self.account(payload, "matrix")["lastError"] == "this version has no Matrix channel")
            let webchat = Self.account(payload, "webchat")
            #expect(webchat["connected"] == true && webchat["lastInboundAt"] == 77 && webchat["lastError"] == .null)
            let summary = payload?["channels"]?["telegram"]
            #expect(summary?["running"] == true && summary?["mode"] == "polling" && summary?["worker"] == nil)
            #expect(payload?["channelDefaultAccountId"]?["telegram"] == "default")
        }
    }

    @Test("probe asks every worker that is ready, all at once and within the bound, and tells who said what")
    func probe() async throws {
        try await EdgeBench.run {
            Self.fleet(&$0)
            $0.rows.append(Self.row("channel:telegram:silent", "ready"))
            $0.rows.append(Self.row("channel:telegram:odd", "ready"))
        } _: { bench in
            bench.engine.state.withLock {
                $0.answers = [
                    "channel:telegram:default": #"{"ok":true,"elapsedMs":12,"bot":{"id":"42","username":"b"}}"#,
                    "channel:telegram:odd": "[1,",
                ]
            }
            let client = try await bench.client()
            let payload = try await client.ask("channels.status", ["probe": true, "timeoutMs": 2])["payload"]
            let telegram = Self.account(payload, "telegram")
            #expect(telegram["probe"]?["ok"] == true && telegram["bot"]?["username"] == "b")
            #expect(telegram["lastProbeAt"] == payload?["ts"])
            let silent = Self.account(payload, "telegram", "silent")["probe"]
            #expect(silent?["ok"] == false && silent?["error"] == "channel:telegram:silent did not answer in time")
            #expect(Self.account(payload, "telegram", "odd")["probe"]?["ok"] == false)
            #expect(Self.account(payload, "telegram", "work")["probe"] == nil, "who does not run is not asked")
            let asked = bench.engine.state.withLock { $0.asked }.sorted()
            #expect(asked.count == 3)
            #expect(asked.first == #"channel:telegram:default probe {"timeoutMs":900} 1000"#)
        }
    }

    @Test("start, stop and restart go to the supervisor, for one account or all, for admins only")
    func orders() async throws {
        try await EdgeBench.run(Self.fleet) { bench in
            let admin = try await bench.client()
            #expect(
                try await admin.ask("channels.restart", ["channel": "telegram", "accountId": "work"])["payload"] == [
                    "ok": true, "channel": "telegram", "accountIds": ["work"],
                ]
            )
            let all = try await admin.ask("channels.stop", ["channel": "telegram"])
            #expect(all["payload"]?["accountIds"] == ["default", "work"])
            // Who runs is left alone; who does not is started for the person who asks, parked or stopped.
            let started = try await admin.ask("channels.start", ["channel": "Telegram"])
            #expect(started["payload"]?["accountIds"] == ["default", "work"])
            #expect(
                bench.restarts.ids.withLock { $0 } == [
                    "channel:telegram:work", "STOP channel:telegram:default", "STOP channel:telegram:work",
                    "channel:telegram:work",
                ]
            )
            for (params, words) in [
                (["channel": "telgram"], "no channel \"telgram\": channels.status has the names"),
                (
                    ["channel": "telegram", "accountId": "x"],
                    "telegram has no account \"x\"; it has: default, bad, off, work"
                ),
                (["channel": "discord"], "discord has no worker: channels.status says why"),
                (["channel": "webchat"], "WebChat is the gateway itself: workers.restart gateway"),
            ] as [(WireValue, String)] {
                #expect(try await admin.ask("channels.stop", params)["error"]?["message"]?.text == words)
            }
            let logout = try await admin.ask("channels.logout", ["channel": "telegram"])
            #expect(logout["error"]?["message"]?.text?.contains("channels.stop keeps it off") == true)
            let writer = try await bench.client(scopes: ["operator.write"])
            for method in ["channels.start", "channels.stop", "channels.restart", "channels.logout"] {
                let refused = try await writer.ask(method, ["channel": "telegram"])
                #expect(refused["error"]?["message"] == "missing scope: operator.admin")
            }
            #expect(bench.restarts.ids.withLock { $0.count } == 4)
        }
    }

    @Test("a status that tells of one thing leaves the rest, a lost link is a lost connection, texts are bounded")
    func link() {
        var link = ChannelLinkStatus()
        var status = HubChannelStatus()
        (status.connected, status.name, status.mode, status.botID) = (true, "@b", "gateway", "1")
        link.changed(to: status, now: 100)
        #expect(link.facts.isConnected && link.facts.connectedAt == 100)
        status = HubChannelStatus()
        status.error = String(repeating: "x", count: 5000)
        status.warnings = Array(repeating: "w", count: 100)
        link.changed(to: status, now: 200)
        #expect(!link.facts.isConnected && link.facts.disconnectedAt == 200 && link.facts.name == "@b")
        #expect(link.facts.error.count == ChannelLinkStatus.longestText && link.facts.warnings.count == 32)
        status.connected = true
        link.changed(to: status, now: 300)
        link.changed(to: status, now: 350)
        #expect(link.facts.connectedAt == 300)
        link.lost(now: 400)
        link.lost(now: 500)
        #expect(!link.facts.isConnected && link.facts.disconnectedAt == 400)
    }
}
