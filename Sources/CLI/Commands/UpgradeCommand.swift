internal import ArgumentParser
internal import Glibc
internal import IPCControl

/// `upgrade`.
struct UpgradeCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "upgrade",
            abstract: "Replaces the running program by a new one; port, lock and connections in the queue stay.",
            discussion: """
                The new program proves itself as a child first. Then the supervisor executes it in place, under the same
                PID, and replaces the gateway and the other workers one by one. A program whose gateway is not ready
                within 2 s executes the old one back.

                clawhold upgrade                        what is now where the gateway was started from
                clawhold upgrade --from ./clawhold-new  another file, which has to stay where it is
                """
        )
    }

    @Option(help: ArgumentHelp("The new executable; owned by root or the gateway's user.", valueName: "file"))
    var from: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        var command = Block("COMMAND", ["CMD": "upgrade"])
        if let from { command["PATH"] = try Self.absolute(from) }
        let found = try common.discovery.find()
        do {
            // Each step has a limit of its own in the supervisor.
            try found.connection.ask(command, timeoutSeconds: nil) { block in
                guard !common.json, block.type == "STEP", let text = block["TEXT"] else { return }
                Terminal.say(text)
            }
        } catch let failure as CommandFailure {
            throw CommandFailure(text: "Not upgraded: \(failure.text)")
        }
        let status = try found.connection.blocks(Block("COMMAND", ["CMD": "status"])).first
        let (version, build) = (status?["VERSION"] ?? "", status?["BUILD"] ?? "")
        Terminal.say(
            common.json
                ? #"{"ok":true,"version":"\#(version)","build":"\#(build)"}"#
                : "The gateway is Clawhold \(version) now, build \(build)."
        )
    }

    /// The supervisor's working directory is not ours.
    private static func absolute(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else {
            throw CommandFailure(text: "\(path): \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
