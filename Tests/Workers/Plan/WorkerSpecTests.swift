import Config
import IPCControl
import Testing

@testable import Plan

@Suite("Worker specs")
struct WorkerSpecTests {
    let environment = ["ANTHROPIC_API_KEY": "k", "TELEGRAM_BOT_TOKEN": telegramToken]

    @Test("REV changes for the workers whose configuration or secret changed, and for no other; never for a budget")
    func revisions() throws {
        let before = try makePlan(environment: environment)
        #expect(try makePlan(environment: environment).blocks == before.blocks)
        var changed = environment
        changed["ANTHROPIC_API_KEY"] = "k2"
        let key = try makePlan(environment: changed)
        let budget = try makePlan(
            environment: environment,
            files: ["/data/clawhold.json": "{memory: {workers: {channel: {hard: 200}}}}"]
        )
        for id in before.workers {
            #expect((key.revision(id) == before.revision(id)) == (id != "model:anthropic"))
            #expect(budget.revision(id) == before.revision(id))
        }
        #expect(before.revision("gateway")?.count == 16)
    }

    @Test("uid, network and start follow from the kind")
    func kinds() throws {
        let plan = try makePlan(environment: environment)
        func facts(_ id: String) -> [String?] { ["UID", "NETWORK", "START"].map { plan.worker(id)?[$0] } }
        #expect(facts("gateway") == ["owner", "no", "permanent"])
        #expect(facts("agent:main") == ["owner", "no", "demand"])
        #expect(facts("channel:telegram:default") == ["own", "yes", "permanent"])
        #expect(facts("model:anthropic") == ["own", "yes", "demand"])
    }

    @Test("kill points reach the workers that they name, whose names have colons")
    func killPoints() throws {
        var variables = environment
        variables["CLAWHOLD_KILL_POINTS"] =
            "inbound.after-ack@channel:telegram:default:2#3,claim.before-commit@gateway:1,claim.after-commit@gateway:4,x@y,z"
        let plan = try makePlan(environment: variables)
        #expect(plan.worker("gateway")?["KILL_POINTS"] == "claim.before-commit:1,claim.after-commit:4")
        #expect(plan.worker("channel:telegram:default")?["KILL_POINTS"] == "inbound.after-ack:2#3")
        #expect(plan.worker("agent:main")?["KILL_POINTS"] == nil)
    }

    @Test("a large configuration comes in pieces that all fit into blocks, cut between characters")
    func pieces() throws {
        let list = (0..<4000).map { "\"üñ🦞%\($0)\"" }.joined(separator: ",")
        let plan = try makePlan(
            "{channels: {telegram: {botToken: '1:a', allowFrom: [\(list)]}}}",
            environment: ["ANTHROPIC_API_KEY": "k"]
        )
        #expect(plan.blocks.filter { $0.type == "CONFIG" && $0["WORKER"] == "gateway" }.count > 3)
        for block in plan.blocks { #expect(throws: Never.self) { try block.encoded() } }
        #expect(try plan.gateway().channels.first?.allowFrom.last == "üñ🦞%3999")
    }

    @Test("two accounts of one bot: the second stays off, because Telegram has one reader per bot")
    func sameToken() throws {
        let plan = try makePlan(
            "{channels: {telegram: {accounts: {a: {botToken: '1:a'}, b: {botToken: '1:a'}, c: {botToken: 'no/token'}}}}}",
            environment: ["TELEGRAM_BOT_TOKEN": telegramToken]
        )
        #expect(plan.workers.filter { $0.hasPrefix("channel:") } == ["channel:telegram:default", "channel:telegram:a"])
        #expect(try plan.gateway().file.problems.map(\.disables) == ["channel:telegram:b", "channel:telegram:c"])
    }

    @Test("a token file goes before the environment, which is not tried when the file is missing")
    func tokenFile() throws {
        let config = "{channels: {telegram: {tokenFile: 'bot.token', apiRoot: 'http://127.0.0.1:1/'}}}"
        let plan = try makePlan(config, environment: environment, files: ["/data/bot.token": "9:file\n"])
        #expect(plan.secrets("channel:telegram:default") == ["TELEGRAM_BOT_TOKEN": "9:file"])
        #expect(try plan.config("channel:telegram:default", as: TelegramConfig.self).apiRoot == "http://127.0.0.1:1")
        #expect(!(try makePlan(config, environment: environment)).workers.contains("channel:telegram:default"))
        let own = try makePlan(
            config,
            files: [
                "/data/bot.token": "9:file", "/data/clawhold.json": "{channels: {telegram: {apiRoot: 'https://own'}}}",
            ]
        )
        #expect(try own.config("channel:telegram:default", as: TelegramConfig.self).apiRoot == "https://own")
    }
}
