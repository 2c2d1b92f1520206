internal import ArgumentParser
internal import Config
internal import Runtime

extension ModelsCommand {
    /// `models set`.
    struct Set: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Chooses the model that answers; the running gateway takes it over at once.",
                discussion: """
                    clawhold models set openai/gpt-5.2
                    clawhold models set gpt                an alias of agents.defaults.models

                    Writes agents.defaults.model.primary into openclaw.json and leaves the rest of the file as it is.
                    Exit codes: 0 done, 1 it could not be written or taken over, 2 typed wrongly.
                    """
            )
        }

        @Argument(help: "provider/model, or an alias.")
        var model: String

        @OptionGroup var common: CommonOptions

        func run() throws {
            let paths = ConfigCommand.paths(common)
            let served = ModelsCommand.served(common.discovery)
            let file = try FileReplacement(paths.configPath, limit: JSON5Limits().size)
            let choice = try ModelChoice(
                model,
                bytes: file.bytes,
                paths: paths,
                environment: ModelsCommand.environment(isRunning: served != nil),
                files: DiskFiles(),
                served: served
            )
            let isChanged = choice.bytes != file.bytes
            if isChanged { try file.write(choice.bytes) }
            let outcome = Replan.afterChange(common.discovery)
            if common.json {
                Terminal.say(
                    JSONText.object([
                        ("ok", .bool(outcome.isWell)), ("model", .string(choice.model)),
                        ("old", choice.old.map { .string($0) } ?? .null), ("path", .string(file.path)),
                        ("taken", .bool(outcome == .taken)),
                    ])
                )
            } else {
                let change = "\(choice.old.map(Words.plain) ?? "nothing chosen") → \(Words.plain(choice.model))"
                Terminal.say(isChanged ? change : "\(Words.plain(choice.model)) stands there already")
                Terminal.say("in \(Words.plain(file.path))")
                for note in choice.notes { Terminal.say(Words.plain(note)) }
                if outcome.isWell { Terminal.say(outcome.text) }
            }
            if !outcome.isWell { throw CommandFailure(text: outcome.text) }
        }
    }

    /// The providers that the running gateway can call; nil: none runs that answers.
    static func served(_ discovery: Discovery) -> Swift.Set<String>? {
        // Whatever keeps it from answering, the files alone decide then.
        guard let answer = try? discovery.gateway().call("models.status", repeats: true) else { return nil }
        return Swift.Set((answer["providers"]?.array ?? []).compactMap { $0["provider"]?.string })
    }

    /// Variables of this shell are not those of a gateway that runs already.
    static func environment(isRunning: Bool) -> Environment {
        let own = Discovery.processEnvironment()
        return Environment(isRunning ? own.filter { $0.key == "HOME" } : own)
    }
}
