import Config
import IPCControl
import Supervisor
import Testing

@testable import Plan

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

@Suite("Memory budgets")
struct BudgetTests {
    private let environment = ["ANTHROPIC_API_KEY": "k", "TELEGRAM_BOT_TOKEN": telegramToken]

    private func plan(_ own: String) throws -> MadePlan {
        try makePlan(environment: environment, files: ["/data/clawhold.json": own])
    }

    /// Every memory key of a worker's row of the plan, in order.
    private func keys(_ block: Block?) -> String {
        ["HARD_KB", "HARD_PERCENT", "HARD_MAX_KB", "SOFT_KB", "SOFT_PERCENT", "FLOOR_KB", "WEIGHT"]
            .compactMap { key in block?[key].map { "\(key)=\($0)" } }.joined(separator: " ")
    }

    @Test("a worker's budget is its kind's, then what clawhold.json says of the kind, then of the worker")
    func layers() throws {
        let plan = try plan(
            """
            {memory: {workers: {channel: {soft: 50, hard: 80}, 'channel:telegram:default': {hard: 40},
              gateway: {soft: 256}, 'agent:main': {hard: '30%'}, model: {soft: '20%'}}}}
            """
        )
        #expect(keys(plan.worker("channel:telegram:default")) == "HARD_KB=40960 FLOOR_KB=16384 WEIGHT=50")
        #expect(
            keys(plan.worker("gateway"))
                == "HARD_KB=349525 HARD_PERCENT=20 HARD_MAX_KB=524288 SOFT_KB=262144 FLOOR_KB=32768 WEIGHT=100"
        )
        #expect(keys(plan.worker("agent:main")) == "HARD_KB=0 HARD_PERCENT=30 FLOOR_KB=32768 WEIGHT=90")
        #expect(
            keys(plan.worker("model:anthropic"))
                == "HARD_KB=65536 HARD_PERCENT=26 SOFT_KB=0 SOFT_PERCENT=20 FLOOR_KB=16384 WEIGHT=60"
        )
        #expect(plan.complaints.isEmpty)
    }

    @Test("the reserve is 15 % between 32 and 512 MB unless clawhold.json says otherwise")
    func reserve() throws {
        func reserve(_ own: String) throws -> String {
            let settings = try plan(own).settings
            return ["RESERVE_KB", "RESERVE_PERCENT", "RESERVE_MAX_KB"].compactMap { settings?[$0] }
                .joined(separator: " ")
        }
        #expect(try reserve("{}") == "32768 15 524288")
        #expect(try reserve("{memory: {reserve: 100}}") == "102400")
        #expect(try reserve("{memory: {reserve: '25%'}}") == "0 25")
        #expect(try reserve("{memory: {reserve: 0}}") == "0")
    }

    @Test(
        "a value that is no amount is named with its line and disables itself alone",
        arguments: [
            "'30'", "'0%'", "'101%'", "'-5%'", "'+5%'", "'5.5%'", "'%'", "4", "-1", "1.5", "true", "[]", "'${NO}'",
        ]
    )
    func bad(value: String) throws {
        let plan = try plan(
            "{memory: {workers: {agent: {soft: 40, hard: \(value)}, channel: {hard: 70}},\n reserve: 64}}"
        )
        #expect(
            keys(plan.worker("agent:main"))
                == "HARD_KB=98304 HARD_PERCENT=25 HARD_MAX_KB=1048576 SOFT_KB=40960 FLOOR_KB=32768 WEIGHT=90"
        )
        #expect(plan.worker("channel:telegram:default")?["HARD_KB"] == "71680")
        #expect(plan.settings?["RESERVE_KB"] == "65536")
        #expect(plan.complaints.count == 1)
        #expect(plan.complaints.first?.contains("memory.workers.agent.hard") == true)
        #expect(
            plan.complaints.first?.hasSuffix("(not used)") == true || plan.complaints.first?.contains("is off") == true
        )
    }

    @Test("a budget for a name that no worker has is a warning with its line")
    func unknown() throws {
        let plan = try plan(
            "{memory: {workers: {\n'channel:telegramm': {hard: 64}, telegram: {hard: 64}, tool: {hard: 64}}}}"
        )
        #expect(plan.complaints.count == 2)
        #expect(plan.complaints.allSatisfy { $0.contains("line 2") && $0.contains("no worker has this name") })
    }

    /// The table of docs/config.md: a gateway with two channels, both at work with two providers.
    private func table() throws -> [String] {
        let made = try plan("{}")
        var rows = [
            "| machine | reserve | gateway | agent | each channel | each model | free |",
            "|---|---|---|---|---|---|---|",
        ]
        for totalMB in [256, 512, 1024, 2048, 8192] {
            var reader = PlanReader()
            for block in made.blocks {
                guard let plan = try reader.read(block) else { continue }
                var specs = plan.workers.map(\.spec)
                for (name, model) in [
                    ("channel:discord:default", "channel:telegram:default"), ("model:openai", "model:anthropic"),
                ] {
                    var other = try #require(specs.first { $0.id.rawValue == model })
                    other.id = try #require(WorkerID(name))
                    specs.append(other)
                }
                let now = Instant(nanoseconds: 0)
                var tree = SupervisorTree(seed: 1, now: now)
                let totalKB = Int64(totalMB) * 1024
                _ = tree.handle(.total(totalKB), at: now)
                _ = tree.handle(.planned(specs, reserve: plan.reserve), at: now)
                for spec in specs { _ = tree.handle(.start(spec.id, by: .gateway), at: now) }
                #expect(tree.statuses.allSatisfy { $0.state == .starting }, "on \(totalMB) MB all fit")
                let reserveKB = plan.reserve.resolved(totalKB: totalKB)
                let usedKB = tree.statuses.reduce(0) { $0 + $1.grant.hardKB }
                #expect(usedKB + reserveKB <= totalKB)
                func megabytes(_ id: String) throws -> String {
                    let grant = try #require(WorkerID(id).flatMap { tree.status(of: $0)?.grant })
                    return "\(grant.softKB / 1024), \(grant.hardKB / 1024)"
                }
                rows.append(
                    "| \(totalMB) MB | \(reserveKB / 1024) | \(try megabytes("gateway")) | \(try megabytes("agent:main")) | "
                        + "\(try megabytes("channel:telegram:default")) | \(try megabytes("model:openai")) | "
                        + "\((totalKB - reserveKB - usedKB) / 1024) |"
                )
            }
        }
        return rows
    }

    @Test("from 256 MB to 8 GB a gateway, an agent, two channels and two providers fit, as docs/config.md says")
    func scales() throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let page = try String(contentsOfFile: "/\(root)/docs/config.md", encoding: .utf8)
        for row in try table() { #expect(page.contains(row), "docs/config.md must have:\n\(row)") }
    }
}
