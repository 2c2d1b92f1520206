import Runtime
import Testing

@testable import CLI

@Suite("What models and usage print")
struct ModelPageTests {
    private static let now: Int64 = 1_795_442_400_000

    private static func sum(_ name: String, cost: String, tokens: Int64, attempts: Int64, unpriced: Int64 = 0) throws
        -> JSON
    {
        let text = """
            {"\(name.contains("/") ? "model" : "date")":"\(name)","attempts":\(attempts),"ends":{"finished":\(attempts),"failed":0},
             "input":\(tokens),"output":0,"cacheRead":0,"cacheWrite":0,"totalTokens":\(tokens),"totalCost":\(cost),
             "missingCostEntries":\(unpriced)}
            """
        return try JSON(parsing: Array(text.utf8))
    }

    private static func report(_ daily: [JSON], _ models: [JSON], _ totals: JSON, spend: String = "{}") throws -> JSON {
        [
            "daily": .array(daily), "models": .array(models), "totals": totals,
            "spend": try JSON(parsing: Array(spend.utf8)),
        ]
    }

    @Test("usage has a bar for each day, the highest fills its room, and nothing is wider than eighty columns")
    func bars() throws {
        let daily = [
            try Self.sum("2026-11-21", cost: "0.5", tokens: 10, attempts: 1),
            try Self.sum("2026-11-22", cost: "0", tokens: 0, attempts: 0),
            try Self.sum("2026-11-23", cost: "1", tokens: 30, attempts: 12_345, unpriced: 2),
        ]
        let spend =
            #"{"then":"stop","limits":[{"limit":1,"spent":1.5,"isReached":true},{"agentId":"a","limit":9,"spent":1}]}"#
        let model = try Self.sum("openai/\(String(repeating: "m", count: 60))", cost: "1.5", tokens: 40, attempts: 3)
        let totals = try Self.sum("all", cost: "1.5", tokens: 40, attempts: 3, unpriced: 2)
        let text = UsagePage.text(try Self.report(daily, [model], totals, spend: spend), style: .plain, width: 80)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(text)")
        func bar(_ day: String) -> Int { lines.first { $0.hasPrefix(day) }?.filter { $0 == "#" }.count ?? -1 }
        #expect(bar("2026-11-23") > 30)
        #expect(abs(bar("2026-11-21") * 2 - bar("2026-11-23")) <= 1)
        #expect(lines.contains("2026-11-22  -"))
        #expect(text.contains("2 calls whose price nobody knows"))
        #expect(text.contains("Today $1.50 of $1.00: the limit is reached, nothing answers until midnight"))
        #expect(text.contains("Today $1.00 of $9.00 for a"))
    }

    @Test("without a single price the bars are of tokens, and without a call it says so")
    func unpriced() throws {
        let day = try Self.sum("2026-11-23", cost: "0", tokens: 1500, attempts: 2, unpriced: 2)
        let text = UsagePage.text(try Self.report([day], [], day), style: .plain, width: nil)
        #expect(text.contains("One day, by day (tokens)"))
        #expect(text.contains("1.5k"))
        let nothing = try Self.sum("2026-11-23", cost: "0", tokens: 0, attempts: 0)
        #expect(
            UsagePage.text(try Self.report([nothing], [], nothing), style: .plain, width: 80)
                == "No model was called in one day."
        )
    }

    @Test("hostile numbers of a gateway are no trap")
    func hostile() throws {
        let bad = try Self.sum("2026-11-23", cost: "1e999", tokens: .max, attempts: .max, unpriced: .min)
        _ = UsagePage.text(try Self.report([bad, bad], [bad], bad), style: .plain, width: 10)
        _ = UsagePage.text([:], style: .plain, width: nil)
        for text in [
            #"{"providers":7,"agents":[3]}"#,
            #"{"providers":[{"cooldowns":[{"until":9223372036854775807}],"keys":[{"expiresAt":9223372036854775807}]}]}"#,
        ] {
            let answer = try JSON(parsing: Array(text.utf8))
            _ = ModelsPage.status(answer, now: Self.now, style: .plain, width: 20)
            _ = ModelsPage.checkCode(answer, now: Self.now)
            _ = ModelsPage.probe(answer, style: .plain, width: 20)
        }
    }

    private static let status = """
        {"agents":[{"agentId":"main","primary":{"model":"openai/gpt-5.5"},"fallbacks":[{"model":"x/y","unavailable":"No key."}]}],
         "providers":[{"provider":"openai","state":"ready","live":true,
          "keys":[{"profile":"openai:work","source":"OPENAI_API_KEY","mode":"api_key"},{"profile":"openai:old"}],
          "cooldowns":[{"profile":"openai:old","kind":"KIND","words":"the key is refused","until":1795446000000,"cause":"401\\u001b[31m"}]}]}
        """

    @Test("models names the agents' models, each key, and what is held back until when, with the provider's words")
    func modelStatus() throws {
        let answer = try JSON(parsing: Array(Self.status.replacing("KIND", with: "auth").utf8))
        let text = ModelsPage.status(answer, now: Self.now, style: .plain, width: 80)
        #expect(text.contains("main openai/gpt-5.5, then x/y"))
        #expect(text.contains("x/y: No key."))
        #expect(text.contains("  ok   openai:work  api_key, OPENAI_API_KEY"))
        #expect(text.contains("  off  openai:old"))
        #expect(text.contains("openai:old: the key is refused, not asked for 1 h (401 [31m)"))
        #expect(text.contains("clawhold models clear NAME"))
        #expect(!text.contains("\u{1B}"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test("the check's exit code is 1 for a locked key or an agent without a model, 0 for what merely cools")
    func check() throws {
        func code(_ text: String) throws -> Int32 {
            ModelsPage.checkCode(try JSON(parsing: Array(text.utf8)), now: Self.now)
        }
        #expect(try code(Self.status.replacing("KIND", with: "auth")) == 1)
        #expect(try code(Self.status.replacing("KIND", with: "rate-limit")) == 0)
        #expect(try code(#"{"agents":[{"primary":{"model":"a/b","unavailable":"no"},"fallbacks":[]}]}"#) == 1)
        let token = #"{"providers":[{"keys":[{"profile":"a","mode":"token","expiresAt":1795442500000}]}]}"#
        #expect(try code(token) == 2)
    }

    @Test("a probe says of each key what came back, and is well only when all of them answered")
    func probe() throws {
        let text = """
            {"providers":[{"provider":"openai","ok":true,"result":{"model":"openai/x","results":[
              {"profile":"openai:a","ok":true,"milliseconds":1234},{"profile":"openai:b","ok":false,"kind":"auth","cause":"401"}]}},
             {"provider":"google","ok":false,"error":"model:google did not answer in time"}]}
            """
        let answer = try JSON(parsing: Array(text.utf8))
        let page = ModelsPage.probe(answer, style: .plain, width: 80)
        #expect(page.contains("  ok   openai:a  answered in 1.2 s"))
        #expect(page.contains("       auth: 401"))
        #expect(page.contains("  model:google did not answer in time"))
        #expect(!ModelsPage.isWell(answer))
        let good = try JSON(parsing: Array(#"{"providers":[{"provider":"a","ok":true,"result":{"cleared":2}}]}"#.utf8))
        #expect(ModelsPage.isWell(good))
        #expect(ModelsPage.cleared(good, style: .plain) == "a: 2 cooldowns are forgotten")
    }

    @Test(
        "a provider or one of its keys is found by name, and a name that is nearly right is answered with the right one"
    )
    func names() throws {
        let known = [("openai", ["openai:work", "openai:default"]), ("google", [])]
        #expect(try ModelTargetName.find("OpenAI", among: known) == ModelTargetName(provider: "openai"))
        #expect(try ModelTargetName.find("model:google", among: known) == ModelTargetName(provider: "google"))
        #expect(
            try ModelTargetName.find("openai:work", among: known)
                == ModelTargetName(provider: "openai", profile: "openai:work")
        )
        #expect(
            try ModelTargetName.find("google:new", among: known)
                == ModelTargetName(provider: "google", profile: "google:new")
        )
        let failure = #expect(throws: CommandFailure.self) { try ModelTargetName.find("opneai", among: known) }
        #expect(failure?.text.contains("Did you mean openai?") == true)
        #expect(failure?.code == 2)
    }

    @Test("amounts are as short as they can be read")
    func amounts() {
        #expect(
            [0, 0.00042, 0.042, 1.5, 12_345.678].map(Words.dollars) == [
                "$0.00", "$0.00042", "$0.042", "$1.50", "$12345.68",
            ]
        )
        #expect(Words.dollars(.nan) == "$?" && Words.dollars(-1) == "-$1.00" && Words.dollars(1e300) == "$?")
        #expect(
            [0, 999, 1000, 12_345, 999_999, 1_000_000, .max].map(Words.count) == [
                "0", "999", "1.0k", "12.3k", "999k", "1.0M", "9223372T",
            ]
        )
    }
}
