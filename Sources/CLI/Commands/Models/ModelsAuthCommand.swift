internal import ArgumentParser
internal import Config
internal import NIOCore
internal import NIOPosix
internal import OAuth

extension ModelsCommand {
    /// `models auth`: stored keys and logins.
    struct Auth: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: "auth",
                abstract: "Stored keys and logins: which there are, logging in, pasting one.",
                discussion: """
                    clawhold models auth                                        what is stored
                    clawhold models auth login --provider openai-codex          with a code, for a ChatGPT subscription
                    clawhold models auth paste-api-key --provider anthropic     a key, pasted without being shown
                    clawhold models auth setup-token                            what `claude setup-token` printed
                    echo "$KEY" | clawhold models auth paste-api-key --provider groq

                    They are kept in auth-profiles.json of the default agent, for its owner alone.
                    Exit codes: 0 done or shown, 1 nothing was stored or it is not in force, 2 typed wrongly.
                    """,
                subcommands: [List.self, Login.self, PasteToken.self, SetupToken.self, PasteAPIKey.self],
                defaultSubcommand: List.self
            )
        }
    }
}

/// What every command that stores a credential is told.
struct CredentialArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The name it is stored under (PROVIDER:manual, of a login PROVIDER:default).",
            valueName: "id"
        )
    )
    var profileId: String?

    func id(_ standard: String) throws -> String {
        let id = profileId ?? standard
        guard !id.isEmpty, id.utf8.count <= 100,
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") })
        else { throw ValidationError("--profile-id is a short name like openai:work") }
        return id
    }
}

extension ModelsCommand.Auth {
    /// `models auth list`.
    struct List: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "What is stored, without the secrets. What works:  clawhold models")
        }

        @OptionGroup var common: CommonOptions

        func run() throws {
            let store = try ModelsCommand.Auth.store(common)
            let profiles = store.profiles
            if common.json {
                let rows = profiles.map { profile in
                    JSONText.object([
                        ("profile", .string(profile.id)), ("provider", .string(profile.provider)),
                        ("type", .string(profile.type)), ("expires", .positive(Int64(profile.expires))),
                        ("used", .bool(profile.isUsed)),
                    ])
                }
                Terminal.say(
                    JSONText.object([("path", .string(store.path)), ("profiles", .raw(JSONText.array(rows)))])
                )
            } else {
                let width = TerminalSize.now()?.columns
                Terminal.say(
                    AuthPage.text(profiles, path: store.path, now: Terminal.now(), style: common.style, width: width)
                )
            }
        }
    }

    /// `models auth login`.
    struct Login: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Logs in with a code that is typed on another device; needs no browser here.",
                discussion: "Ctrl-C gives up; nothing is stored before the login is done."
            )
        }

        @Option(help: "openai-codex: a ChatGPT subscription.")
        var provider: String

        @Option(
            help: ArgumentHelp(
                "Another login service that speaks OpenAI's protocol.",
                valueName: "url",
                visibility: .hidden
            )
        )
        var issuer: String = DeviceLogin.openAI

        @OptionGroup var credential: CredentialArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            let provider = provider.lowercased()
            try LoginOffer.check(provider)
            guard let login = DeviceLogin(issuer: issuer) else {
                throw ValidationError("--issuer must be an https:// address, or one on this machine")
            }
            let id = try credential.id("\(provider):default")
            let store = try ModelsCommand.Auth.store(common)
            try store.check()
            let run = DeviceLoginRun(
                login,
                endpoint: HTTPTokenEndpoint(group: MultiThreadedEventLoopGroup.singleton),
                now: { Terminal.now() },
                sleep: { try await Task.sleep(for: $0) }
            )
            let screen: Int32 = common.json ? 2 : 1
            let new: OAuthCredential
            do {
                new = try MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask {
                    try await run.credential { code in Terminal.write(AuthPage.code(code), to: screen) }
                }.wait()
            } catch let failure as OAuthFailure {
                throw CommandFailure(
                    text: "Not logged in: \(Words.plain(failure.description)). Nothing was stored. "
                        + "Begin anew:  clawhold models auth login --provider \(provider)"
                )
            }
            try ModelsCommand.Auth.keep(
                try LoginProfile.members(new, provider: provider),
                as: id,
                provider: provider,
                store,
                common
            )
        }
    }

    /// `models auth paste-token`.
    struct PasteToken: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Stores a token of a subscription that is pasted or piped in; it is not shown."
            )
        }

        @Option(help: "Whose it is.")
        var provider: String

        @Option(help: ArgumentHelp("How long it is good: 90m, 12h, 365d.", valueName: "time"))
        var expiresIn: String?

        @OptionGroup var credential: CredentialArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            try ModelsCommand.Auth.paste(.token, provider, expiresIn, credential, common)
        }
    }

    /// `models auth setup-token`.
    struct SetupToken: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract:
                    "The same as paste-token --provider anthropic: what `claude setup-token` printed, on any machine."
            )
        }

        @Option(help: "anthropic")
        var provider = "anthropic"

        @OptionGroup var credential: CredentialArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            guard provider.lowercased() == "anthropic" else {
                throw ValidationError("Setup tokens are Anthropic's. For others: clawhold models auth paste-token")
            }
            try ModelsCommand.Auth.paste(.token, provider, nil, credential, common)
        }
    }

    /// `models auth paste-api-key`.
    struct PasteAPIKey: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: "paste-api-key",
                abstract: "Stores an API key that is pasted or piped in; it is not shown."
            )
        }

        @Option(help: "Whose it is.")
        var provider: String

        @OptionGroup var credential: CredentialArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            try ModelsCommand.Auth.paste(.apiKey, provider, nil, credential, common)
        }
    }

    // MARK: What they share

    fileprivate static func store(_ common: CommonOptions) throws -> CredentialStore {
        let isRunning = (try? common.discovery.find()) != nil
        return try CredentialStore(
            paths: ConfigCommand.paths(common),
            environment: ModelsCommand.environment(isRunning: isRunning)
        )
    }

    fileprivate static func paste(
        _ kind: PastedCredential.Kind,
        _ provider: String,
        _ expiresIn: String?,
        _ arguments: CredentialArguments,
        _ common: CommonOptions
    ) throws {
        let provider = provider.lowercased()
        let id = try arguments.id("\(provider):manual")
        let expires = try expiresIn.map { text in
            guard let time = PastedCredential.milliseconds(text) else {
                throw ValidationError("--expires-in is a time like 90m, 12h or 365d")
            }
            return Terminal.now() + time
        }
        let store = try store(common)
        try store.check()
        try store.checkProvider(provider, kind)
        if kind == .token, provider == "anthropic" { Terminal.complain(AuthPage.terms) }
        let word = kind == .apiKey ? "API key" : "token"
        let line: String
        do {
            line = try SecretLine.read("Paste the \(word) of \(provider), then Enter (it is not shown): ")
        } catch is SecretLine.GivenUp {
            Terminal.complain("Nothing was stored.")
            throw ExitCode(130)
        }
        let credential = try PastedCredential(kind, provider, line, expires: expires)
        try keep(credential.members, as: id, provider: provider, store, common)
    }

    fileprivate static func keep(
        _ members: [ConfigObject.Member],
        as id: String,
        provider: String,
        _ store: CredentialStore,
        _ common: CommonOptions
    ) throws {
        let notes = try store.store(members, as: id, provider: provider)
        let outcome = Replan.afterChange(common.discovery)
        if common.json {
            Terminal.say(
                JSONText.object([
                    ("ok", .bool(outcome.isWell)), ("profile", .string(id)), ("provider", .string(provider)),
                    ("path", .string(store.path)), ("taken", .bool(outcome == .taken)),
                ])
            )
        } else {
            Terminal.say("Stored \(Words.plain(id)) in \(Words.plain(store.path)).")
            for note in notes { Terminal.say(Words.plain(note)) }
            if outcome.isWell {
                Terminal.say(outcome.text)
                Terminal.say("Try it:  clawhold models probe \(Words.plain(provider))")
                Terminal.say("Choose a model of it:  clawhold models set \(Words.plain(provider))/NAME")
            }
        }
        if !outcome.isWell { throw CommandFailure(text: outcome.text) }
    }
}
