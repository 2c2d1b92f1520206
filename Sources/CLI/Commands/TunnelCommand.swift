internal import ArgumentParser
internal import Runtime

/// `tunnel`: what the outside world calls this gateway, and whether it answers there.
struct TunnelCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "tunnel",
            abstract: "The public addresses of webhooks, and whether they answer.",
            discussion: """
                clawhold tunnel status                 each tunnel, its address and what it lets through
                clawhold restart tunnel:ngrok          starts one anew
                clawhold logs tunnel:ngrok -f          what its program says

                Exit codes: 0 shown, 1 it failed (--check: a tunnel is not up), 2 typed wrongly.
                """,
            subcommands: [Status.self],
            defaultSubcommand: Status.self
        )
    }

    /// `tunnel status`.
    struct Status: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Each tunnel, its address and what it lets through; probes nothing.")
        }

        @Flag(help: "Exit code 1 when a tunnel is not up.")
        var check = false

        @OptionGroup var common: CommonOptions

        func run() throws {
            let answer = try common.discovery.gateway().call("tunnel.status", repeats: true)
            if common.json {
                Terminal.say(answer.text)
            } else {
                let width = TerminalSize.now()?.columns
                Terminal.say(TunnelPage.status(answer, now: Terminal.now(), style: common.style, width: width))
            }
            guard check, !TunnelPage.isUp(answer) else { return }
            throw ExitCode(1)
        }
    }
}
