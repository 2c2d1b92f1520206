import Config
import IPCHub
import Testing

@testable import Gateway

/// The lines that a refusal names, written into the file that the operator has, through everything that reads it.
@Suite("the lines that admit, in the file")
struct AdmittingLineTests {
    private struct OneFile: FileReading {
        var text: String

        func read(_ path: String, limit: Int) -> FileContent {
            path == "/s/openclaw.json" ? .bytes([UInt8](text.utf8)) : .missing
        }

        func isDirectory(_ path: String) -> Bool { false }
    }

    private func access(_ file: WireValue, account: String) -> ChannelAccess? {
        let files = OneFile(text: String(decoding: file.encoded(), as: UTF8.self))
        var config = ConfigLoader.load(
            paths: StatePaths(stateDirectory: "/s", configPath: "/s/openclaw.json", home: "/h"),
            environment: Environment([:]),
            files: files
        ).config
        return config.telegramAccounts(files: files).first { $0.access.account == account }?.access
    }

    static let files: [(String, WireValue, String)] = [
        ("a list in the channel", ["allowFrom": ["1"], "dmPolicy": "allowlist"], "default"),
        ("no list at all", ["dmPolicy": "allowlist"], "default"),
        ("direct messages switched off", ["dmPolicy": "disabled"], "default"),
        ("groups switched off", ["dmPolicy": "allowlist", "groupPolicy": "disabled"], "default"),
        ("another group", ["dmPolicy": "allowlist", "groups": ["-200": [:]]], "default"),
        ("the group disabled", ["dmPolicy": "allowlist", "groups": ["-100": ["enabled": false]]], "default"),
        (
            "a topic's own list",
            [
                "dmPolicy": "allowlist",
                "groups": ["-100": ["requireMention": false, "topics": ["42": ["allowFrom": ["1"]]]]],
            ], "default"
        ),
        ("a list for groups", ["dmPolicy": "allowlist", "allowFrom": ["1"], "groupAllowFrom": [2]], "default"),
        (
            "an account that inherits its list",
            ["dmPolicy": "allowlist", "allowFrom": ["1"], "accounts": ["work": ["botToken": "2:b"]]], "work"
        ),
        (
            "an account with a list of its own",
            ["dmPolicy": "allowlist", "accounts": ["work": ["botToken": "2:b", "allowFrom": ["1"]]]], "work"
        ),
    ]

    @Test("after they are written the message passes", arguments: files)
    func written(name: String, keys: WireValue, account: String) throws {
        var telegram = keys
        telegram.set(["botToken"], "1:a")
        let file: WireValue = ["channels": ["telegram": telegram]]
        let before = try #require(access(file, account: account))
        var refused = 0
        for chat in ["7", "-100", "-100:topic:42"] {
            var message = Bench.message("hi", from: "7", chat: chat)
            message.chatType = chat == "7" ? .direct : .group
            let refusal: AccessRefusal
            switch AccessPolicy(access: before).decide(message) {
            case .allow, .pairing: continue
            case .deny(let found), .quiet(let found): refusal = found
            }
            refused += 1
            var changed = file
            var view = before
            for change in refusal.changes {
                let (path, value) = change.line(in: view)
                switch value {
                case .bool(let truth): changed.set(path, .bool(truth))
                case .text(let text): changed.set(path, .string(text))
                case .list(let list): changed.set(path, .array(list.map(WireValue.string)))
                case .object: changed.set(path, .object([]))
                case .element(let element): changed.append(path, .string(element))
                }
                view = change.applied(to: view)
            }
            let after = try #require(access(changed, account: account))
            guard case .allow = AccessPolicy(access: after).decide(message) else {
                Issue.record("\(name), \(chat): \(refusal.text)")
                continue
            }
        }
        #expect(refused > 0)
    }
}

extension WireValue {
    fileprivate mutating func set(_ path: [String], _ value: WireValue) {
        guard let key = path.first else {
            self = value
            return
        }
        var child = self[key] ?? .object([])
        child.set(Array(path.dropFirst()), value)
        self = .object((members ?? []).filter { $0.name != key } + [Member(name: key, value: child)])
    }

    fileprivate mutating func append(_ path: [String], _ element: WireValue) {
        var found: WireValue? = self
        for key in path { found = found?[key] }
        set(path, .array((found?.items ?? []) + [element]))
    }
}
