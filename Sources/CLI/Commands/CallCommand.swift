internal import ArgumentParser
internal import Runtime

/// `call METHOD`: any method of the gateway.
struct CallCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "call",
            abstract: "Calls a method of the gateway and prints what it answers.",
            discussion: """
                clawhold call health
                clawhold call chat.history --params '{"sessionKey":"main"}'

                Exit codes: 0 answered, 1 the gateway said no or cannot be asked, 2 typed wrongly.
                """
        )
    }

    @Argument(help: "The method, as in docs/rpc.md.")
    var method: String

    @Option(help: ArgumentHelp("What it is given: a JSON object.", valueName: "json"))
    var params = "{}"

    @Option(help: ArgumentHelp("How long it may take, in milliseconds (30000).", valueName: "ms"))
    var timeout: Int = 30_000

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...3_600_000).contains(timeout) else {
            throw ValidationError("--timeout must be between 1 and 3600000 milliseconds")
        }
        do {
            guard try JSON(parsing: params.utf8).object != nil else {
                throw ValidationError("--params must be a JSON object, like '{\"probe\":true}'")
            }
        } catch let error as JSONError {
            throw ValidationError("--params is no JSON: \(error)")
        }
    }

    func run() throws {
        var gateway = try common.discovery.gateway()
        gateway.limit = .milliseconds(timeout)
        let answer = try gateway.call(method, JSON(parsing: params.utf8))
        if common.json {
            Terminal.say(String(decoding: answer.encoded(), as: UTF8.self))
        } else {
            Terminal.write(String(decoding: answer.encodedForPeople(), as: UTF8.self), to: 1)
        }
    }
}
