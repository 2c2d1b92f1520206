import TestSupport
import Testing

@testable import Config

@Suite("One value of a configuration file is changed in its text")
struct ConfigEditTests {
    private static let primary: ConfigPath = ["agents", "defaults", "model", "primary"]

    private func set(_ text: String, _ path: ConfigPath = primary, _ value: String = "b/new") throws -> String {
        let bytes = try ConfigEdit.setting(path, to: ConfigValue(.string(value)), in: Array(text.utf8))
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a value that is there is replaced, and nothing else: comments, order, quotes, line ends")
    func replaced() throws {
        let text = """
            \u{FEFF}// mine
            {
              gateway: { mode: 'local', }, // keep
              "agents": { defaults: { model: { primary: 'a/old' /* why */, fallbacks: ["c/d"] } } },
            }
            // end
            """
        #expect(try set(text) == text.replacing("'a/old'", with: "'b/new'"))
        let windows = text.replacing("\n", with: "\r\n")
        #expect(try set(windows) == windows.replacing("'a/old'", with: "'b/new'"))
        #expect(
            try set("{agents:{defaults:{model:\"a\"}}}", ["agents", "defaults", "model"])
                == "{agents:{defaults:{model:\"b/new\"}}}"
        )
    }

    @Test(
        "what is missing is added in the manner of what is there",
        arguments: [
            ("{}", #"{ "agents": { "defaults": { "model": { "primary": "b/new" } } } }"#),
            (
                "{\n}\n",
                "{\n  \"agents\": {\n    \"defaults\": {\n      \"model\": {\n        \"primary\": \"b/new\"\n      }\n    }\n  }\n}\n"
            ),
            (
                "{\n\tx: 1, // one\n\tagents: { list: [] }\n}",
                "{\n\tx: 1, // one\n\tagents: { list: [], defaults: { model: { primary: \"b/new\" } } }\n}"
            ),
            (
                "{\n  'agents': {\n    'defaults': {\n      'a': 1, // last\n    },\n  },\n}",
                "{\n  'agents': {\n    'defaults': {\n      'a': 1, // last\n      'model': {\n        'primary': 'b/new'\n      },\n    },\n  },\n}"
            ),
            (
                "{\r\n  agents: {\r\n    defaults: {\r\n      a: 1 // no comma\r\n    }\r\n  }\r\n}",
                "{\r\n  agents: {\r\n    defaults: {\r\n      a: 1, // no comma\r\n      model: {\r\n        primary: \"b/new\"\r\n      }\r\n    }\r\n  }\r\n}"
            ),
            (
                #"{"agents":{"defaults":{"model":{"fallbacks":[]}}}}"#,
                #"{"agents":{"defaults":{"model":{"fallbacks":[],"primary": "b/new"}}}}"#
            ),
            (
                "{agents:{defaults:{model:{/* none */}}}}",
                "{agents:{defaults:{model:{/* none */ primary: \"b/new\" }}}}"
            ),
            (
                "{agents:{defaults:{model:{a:1 // x\n}}}}",
                "{agents:{defaults:{model:{a:1, // x\n  primary: \"b/new\"\n}}}}"
            ),
        ]
    )
    func added(_ text: String, _ expected: String) throws {
        #expect(try set(text) == expected)
    }

    @Test("of a key that stands there twice the one that counts is changed")
    func twice() throws {
        let text = #"{"agents": {"defaults": 5}, "agents": {"defaults": {"model": {"primary": "x", "primary": "a"}}}}"#
        #expect(try set(text) == text.replacing(#""a""#, with: #""b/new""#))
    }

    @Test("what does not parse, or is no object on the way, is left alone with the place")
    func refused() {
        for (text, words) in [
            ("", "JSON5"), ("{", "JSON5"), ("[]", "object"), ("{agents: 5}", "agents is no object"),
            ("{agents: {defaults: {model: null}}}", "agents.defaults.model is no object"), ("{a: 1} x", "JSON5"),
        ] {
            let error = #expect(throws: ConfigEdit.Refusal.self) { try set(text) }
            #expect(error?.description.contains(words) == true, "\(text): \(error?.description ?? "")")
        }
    }

    @Test("whatever the file looks like, afterwards it says the same with that one value changed, or nothing is done")
    func fuzz() throws {
        var random = SplitMix(seed: 0xC0FFEE)
        var done = 0
        for _ in 0..<4000 {
            let text = Self.object(&random, depth: 0)
            let path = ConfigPath((0...Int.random(in: 0...3, using: &random)).map { _ in Self.key(&random) })
            guard let old = try? JSON5Parser.parse(Array(text.utf8)),
                let bytes = try? ConfigEdit.setting(path, to: ConfigValue(.string("b/new")), in: Array(text.utf8))
            else { continue }
            done += 1
            let new = try JSON5Parser.parse(bytes)
            #expect(LoadedConfig.find(path, in: new)?.string == "b/new", "\(text)")
            // Undone in the tree, it is the old one wherever the old one said something.
            if let before = LoadedConfig.find(path, in: old) {
                let back = try ConfigEdit.setting(path, to: before, in: bytes)
                #expect(try JSON5Parser.parse(back).says(old), "\(text)")
            }
            // Comments are all there still.
            #expect(
                text.split(separator: "/*").count == String(decoding: bytes, as: UTF8.self).split(separator: "/*").count
                    || LoadedConfig.find(path, in: old)?.object != nil || LoadedConfig.find(path, in: old)?.array != nil
            )
        }
        #expect(done > 1500, "\(done)")
    }

    @Test("bytes that are changed at random never trap")
    func hostile() {
        var random = SplitMix(seed: 7)
        let text = Array("{ 'a': [1, {b: \"x\"}], // c\n agents: {defaults: {model: {primary: 'q'}}}, }".utf8)
        for _ in 0..<4000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let new = try? ConfigEdit.setting(Self.primary, to: ConfigValue(.string("n")), in: bytes) else {
                continue
            }
            #expect((try? JSON5Parser.parse(new)) != nil)
        }
        for length in 0..<text.count {
            _ = try? ConfigEdit.setting(Self.primary, to: ConfigValue(.string("n")), in: Array(text.prefix(length)))
        }
    }

    private static func key(_ random: inout SplitMix) -> String {
        ["a", "b", "c d", "é"].randomElement(using: &random) ?? "a"
    }

    private static func gap(_ random: inout SplitMix) -> String {
        ["", " ", "\n  ", "\r\n\t", " /* x */ ", " // y\n", ""].randomElement(using: &random) ?? ""
    }

    private static func object(_ random: inout SplitMix, depth: Int) -> String {
        let members = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            let name = key(&random)
            let quoted =
                ["'\(name)'", "\"\(name)\"", name == "c d" ? "'c d'" : name].randomElement(using: &random) ?? name
            return gap(&random) + quoted + gap(&random) + ":" + gap(&random) + value(&random, depth: depth + 1)
                + gap(&random)
        }
        let comma = !members.isEmpty && Bool.random(using: &random) ? "," + gap(&random) : ""
        return "{" + gap(&random) + members.joined(separator: ",") + comma + "}"
    }

    private static func value(_ random: inout SplitMix, depth: Int) -> String {
        switch Int.random(in: 0...(depth > 4 ? 3 : 6), using: &random) {
        case 0: "'it\\'s'"
        case 1: "31"
        case 2: "[1, 'two',]"
        case 3: "null"
        default: object(&random, depth: depth)
        }
    }
}

@Suite("Storing a credential")
struct CredentialFileTests {
    private func profile(_ value: String) -> [ConfigObject.Member] {
        [("type", "token"), ("provider", "anthropic"), ("token", value)].map {
            ConfigObject.Member(key: $0.0, value: ConfigValue(.string($0.1)))
        }
    }

    @Test("a new file, a new profile, the same again: the others stay as they are written")
    func stored() throws {
        let first = try CredentialFile.storing(profile("t1"), as: "anthropic:manual", in: nil)
        #expect(
            String(decoding: first, as: UTF8.self) == """
                {
                  "version": 1,
                  "profiles": {
                    "anthropic:manual": {
                      "type": "token",
                      "provider": "anthropic",
                      "token": "t1"
                    }
                  }
                }

                """
        )
        let other =
            #"{"version":1,"profiles":{"x:1":{"type":"api_key","provider":"x","key":"k","n":12345678901234567890}},"usageStats":{}}"#
        let both = String(
            decoding: try CredentialFile.storing(profile("t1"), as: "a", in: Array(other.utf8)),
            as: UTF8.self
        )
        #expect(both.contains(#""n":12345678901234567890}"#) && both.hasSuffix(#""usageStats":{}}"#))
        let again = String(
            decoding: try CredentialFile.storing(profile("t2"), as: "a", in: Array(both.utf8)),
            as: UTF8.self
        )
        #expect(!again.contains("t1") && again.contains("t2") && again.contains("12345678901234567890"))
    }

    @Test("a file that does not parse, holds something else or is full is left alone")
    func refused() {
        var many = #"{"profiles":{"#
        for number in 0..<200 { many += #""p\#(number)":{},"# }
        for text in ["{", "[]", #"{"profiles":[]}"#, many + "}}", ""] {
            #expect(throws: ConfigEdit.Refusal.self) {
                try CredentialFile.storing(profile("t"), as: "a", in: Array(text.utf8))
            }
        }
        #expect(throws: ConfigEdit.Refusal.self) { try CredentialFile.storing(profile("t"), as: "", in: nil) }
    }

    @Test("what is stored is what the plan reads, and an order that leaves it out is seen")
    func read() throws {
        let bytes = try CredentialFile.storing(profile("t1"), as: "anthropic:manual", in: nil)
        let text = String(decoding: bytes, as: UTF8.self)
        func profiles(_ config: String) -> [StoredProfile] {
            let texts = ["/s/openclaw.json": config, "/s/agents/main/agent/auth-profiles.json": text]
            let config = loaded(texts).config
            return config.storedProfiles(agentDirectory: "/s/agents/main/agent", files: MemoryFiles(texts: texts))
        }
        #expect(profiles("{}").map(\.isUsed) == [true])
        #expect(
            profiles(#"{auth: {profiles: {"anthropic:manual": {provider: "anthropic", mode: "api_key"}}}}"#).map(
                \.isUsed
            ) == [false]
        )
    }
}
