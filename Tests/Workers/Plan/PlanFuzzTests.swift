import Config
import IPCControl
import TestSupport
import Testing

@testable import Plan

@Suite("Hostile configurations")
struct PlanFuzzTests {
    private static let keys = [
        "agents", "defaults", "model", "primary", "fallbacks", "list", "id", "default", "bindings", "agentId", "match",
        "channel", "channels", "telegram", "accounts", "botToken", "tokenFile", "allowFrom", "groups", "topics",
        "dmPolicy",
        "groupPolicy", "gateway", "auth", "token", "mode", "bind", "customBindHost", "port", "models", "providers",
        "anthropic", "apiKey", "baseUrl", "headers", "session", "dmScope", "identityLinks", "messages", "queue", "env",
        "vars", "plugins", "entries", "$include", "memory", "workers", "soft", "hard", "sidecars", "command", "env",
        "restart", "ready", "line", "port", "a\nb",
        "",
    ]

    private static let scalars = [
        "null", "true", "-1", "1e400", "0x7fffffffffffffff", "9007199254740993", "''", "'*'", "'open'", "'main'",
        "'lan'",
        "'telegram'", "'${HOME}'", "'${NOPE}'", "'1:a'", "'http://x'", "'local'", "'anthropic/x'",
        "'\\n[gateway] x\\u0000'",
    ]

    private static func value(_ depth: Int, _ random: inout SplitMix) -> String {
        switch depth <= 0 ? 0 : Int.random(in: 0...5, using: &random) {
        case 0, 1: return scalars.randomElement(using: &random) ?? "1"
        case 2:
            let elements = (0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth - 1, &random) }
            return "[" + elements.joined(separator: ",") + "]"
        default:
            let members = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                JSONWriter.quoted(keys.randomElement(using: &random) ?? "") + ":" + value(depth - 1, &random)
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    @Test("random trees of known keys give a plan that the supervisor can read, or a refusal; never a trap")
    func randomTrees() throws {
        var random = SplitMix(seed: 7)
        for _ in 0..<400 {
            let texts = ["/data/clawhold.json": Self.value(4, &random)]
            let roots = [
                "agents", "bindings", "channels", "gateway", "models", "session", "messages", "plugins", "env",
            ]
            let members = roots.map { "\($0): \(Self.value(6, &random))" }
            let config = "{" + members.joined(separator: ",") + "}"
            guard let plan = try? makePlan(config, files: texts) else { continue }
            for block in plan.blocks { #expect(throws: Never.self, "\(config)") { try block.encoded() } }
            for id in plan.workers { #expect(WorkerID(id) != nil) }
            #expect(plan.notices.allSatisfy { !$0.contains("\n") })
            #expect(try plan.gateway().agents.isEmpty == false)
        }
    }

    @Test("enormous parts cost themselves: the plan stays within what the supervisor takes")
    func enormous() throws {
        let long = String(repeating: "x", count: 100_000)
        let list = (0..<20_000).map { "'\($0)'" }.joined(separator: ",")
        let agents = (0..<400).map { "{id: 'a\($0)', model: {primary: 'p/\(long.prefix(4000))'}}" }.joined(
            separator: ","
        )
        let plan = try makePlan(
            """
            {channels: {telegram: {accounts: {
               a: {botToken: '1:a', allowFrom: [\(list)]}, b: {botToken: '\(long)'}, c: {botToken: '3:c', allowFrom: ['\(long)']},
               d: {botToken: '4:d'}}}},
             agents: {list: [\(agents)]}, models: {providers: {'\(long)': {apiKey: 'k'}}}}
            """
        )
        #expect(plan.workers.filter { $0.hasPrefix("channel:") } == ["channel:telegram:d"])
        #expect(plan.workers.filter { $0.hasPrefix("agent:") }.count == 64)
        let size = try plan.blocks.reduce(0) { $0 + (try $1.encoded()).count }
        #expect(size < 8 << 20)
        let refused = refusal(
            "{gateway: {trustedProxies: [\((0..<300).map { "'\($0)\(long.prefix(8000))'" }.joined(separator: ","))]}}",
            arguments: ["--allow-unconfigured"],
            environment: [:]
        )
        #expect(refused?.code == 78)
    }
}
