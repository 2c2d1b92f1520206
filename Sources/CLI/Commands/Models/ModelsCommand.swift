internal import ArgumentParser
internal import Runtime

/// `models`: which answer, which keys work, and what cools.
struct ModelsCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "models",
            abstract: "Which models answer, which of their keys work, and what is not asked at the moment.",
            discussion: """
                clawhold models                        the agents' models, providers and keys
                clawhold models list                   every model that can be had
                clawhold models set openai/gpt-5.2     chooses the one that answers
                clawhold models auth                   stored keys and logins; logging in, pasting a key
                clawhold models probe [NAME]           asks each key for one word
                clawhold models clear [NAME]           forgets what cools or is locked: it is asked again

                NAME is a provider (openai) or one of its keys (openai:work).
                Exit codes: 0 done or shown, 1 it failed (--check: something does not work), 2 typed wrongly.
                """,
            subcommands: [Status.self, List.self, Set.self, Auth.self, Probe.self, Clear.self],
            defaultSubcommand: Status.self
        )
    }

    /// `models status`.
    struct Status: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "The agents' models, providers, keys, and what cools; asks nobody.")
        }

        @Argument(help: "A provider (openai). All without it.")
        var provider: String?

        @Flag(
            help:
                "Exit code 1 when an agent has no model that answers or a key is locked, 2 when a login ends within a day."
        )
        var check = false

        @Flag(help: "Asks every key for one word first.")
        var probe = false

        @Flag(help: "The default agent's model alone.")
        var plain = false

        @OptionGroup var common: CommonOptions

        func run() throws {
            let gateway = try common.discovery.gateway()
            let target = try provider.map { try ModelTargetName.find($0, gateway) }
            if probe { _ = try gateway.withLimit(ModelsCommand.probeLimit).call("models.probe", target?.params ?? [:]) }
            let answer = try gateway.call("models.status", target?.providerParams ?? [:], repeats: true)
            if common.json {
                Terminal.say(answer.text)
            } else if plain {
                Terminal.say(Words.plain(answer["agents"]?.array?.first?["primary"]?["model"]?.string ?? ""))
            } else {
                let width = TerminalSize.now()?.columns
                Terminal.say(ModelsPage.status(answer, now: Terminal.now(), style: common.style, width: width))
            }
            guard check else { return }
            let code = ModelsPage.checkCode(answer, now: Terminal.now())
            if code != 0 { throw ExitCode(code) }
        }
    }

    /// `models list`.
    struct List: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Every model that an agent or the configuration names and that can be had.")
        }

        @Flag(help: "Names alone, one a line.")
        var plain = false

        @OptionGroup var common: CommonOptions

        func run() throws {
            let answer = try common.discovery.gateway().call("models.list", repeats: true)
            guard !common.json else { return Terminal.say(answer.text) }
            let width = TerminalSize.now()?.columns
            Terminal.say(ModelsPage.list(answer, plain: plain, style: common.style, width: width))
        }
    }

    /// A provider that says nothing is given up after twenty seconds a key; all are asked one after another.
    static let probeLimit = Duration.seconds(300)

    /// `models probe`.
    struct Probe: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Asks each key for one word, whatever cools. Costs a few tokens.")
        }

        @OptionGroup var target: ModelTargetArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            let gateway = try common.discovery.gateway()
            let params = try target.params(gateway)
            let answer = try gateway.withLimit(ModelsCommand.probeLimit).call("models.probe", params)
            if common.json {
                Terminal.say(answer.text)
            } else {
                Terminal.say(ModelsPage.probe(answer, style: common.style, width: TerminalSize.now()?.columns))
            }
            if !ModelsPage.isWell(answer) { throw ExitCode(1) }
        }
    }

    /// `models clear`.
    struct Clear: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Forgets what cools or is locked, after a top-up for instance: it is asked again."
            )
        }

        @OptionGroup var target: ModelTargetArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            let gateway = try common.discovery.gateway()
            let answer = try gateway.withLimit(.seconds(60)).call("models.clear", try target.params(gateway))
            if common.json {
                Terminal.say(answer.text)
            } else {
                Terminal.say(ModelsPage.cleared(answer, style: common.style))
            }
            if !ModelsPage.isWell(answer) { throw ExitCode(1) }
        }
    }
}

/// A provider or key, and a model.
struct ModelTargetArguments: ParsableArguments {
    @Argument(help: "A provider (openai) or one of its keys (openai:work). All without it.")
    var name: String?

    @Option(help: ArgumentHelp("Only this model.", valueName: "model"))
    var model: String?

    func params(_ gateway: GatewayCall) throws -> JSON {
        var object =
            try name.map { try ModelTargetName.find($0, gateway).params.object ?? JSONObject() } ?? JSONObject()
        object["model"] = model.map(JSON.string)
        if name == nil, let model, model.contains("/") {
            object["provider"] = .string(String(model.prefix { $0 != "/" }).lowercased())
        }
        return .object(object)
    }
}

/// Which provider or key a person means.
struct ModelTargetName: Equatable {
    var provider: String
    /// Empty: all of the provider's keys.
    var profile = ""

    var providerParams: JSON { ["provider": .string(provider)] }

    var params: JSON {
        profile.isEmpty ? providerParams : ["provider": .string(provider), "profile": .string(profile)]
    }

    /// Throws what to type instead.
    static func find(_ name: String, _ gateway: GatewayCall) throws -> ModelTargetName {
        let answer = try gateway.call("models.status", repeats: true)
        let providers = (answer["providers"]?.array ?? []).compactMap { provider in
            provider["provider"]?.string.map { id in
                (id, (provider["keys"]?.array ?? []).compactMap { $0["profile"]?.string })
            }
        }
        return try find(name, among: providers)
    }

    static func find(_ name: String, among providers: [(String, [String])]) throws(CommandFailure) -> ModelTargetName {
        let wanted = name.lowercased()
        if let found = providers.first(where: { $0.0 == wanted || "model:\($0.0)" == wanted }) {
            return ModelTargetName(provider: found.0)
        }
        for (provider, keys) in providers {
            if let key = keys.first(where: { $0.lowercased() == wanted }) {
                return ModelTargetName(provider: provider, profile: key)
            }
        }
        // A key whose worker never ran is not listed yet: its provider decides.
        let head = String(wanted.prefix { $0 != ":" })
        if wanted.contains(":"), let found = providers.first(where: { $0.0 == head && $0.1.isEmpty }) {
            return ModelTargetName(provider: found.0, profile: name)
        }
        let names = providers.map(\.0) + providers.flatMap(\.1)
        let shown = Words.plain(String(name.prefix(60)))
        let near = NearestName.of(name, among: names).map { " Did you mean \(Words.plain($0))?" }
        let all =
            providers.isEmpty ? " None has a key." : " There are: \(names.map(Words.plain).joined(separator: ", "))."
        throw CommandFailure(
            text: "There is no provider or key \"\(shown)\".\(near ?? all)\nSee them all:  clawhold models",
            code: 2
        )
    }
}
