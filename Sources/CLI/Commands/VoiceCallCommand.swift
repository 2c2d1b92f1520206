internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Runtime

/// `voicecall`: telephone calls, OpenClaw's command. All of it is done by the running gateway.
struct VoiceCallCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "voicecall",
            abstract: "Telephone calls: make them, speak in them, see how they went.",
            discussion: """
                clawhold voicecall                                        the live calls and the last ten
                clawhold voicecall call -t +15550001234 -m "Dinner!"      rings, says it, hangs up
                clawhold voicecall continue --call-id ID -m "Where?"      says it and prints the answer
                clawhold voicecall tail                                   every change of any call, as it happens

                Exit codes: 0 done or shown, 1 it failed or there is no such call, 2 typed wrongly.
                """,
            subcommands: [
                Call.self, Start.self, Continue.self, Speak.self, End.self, Status.self, Tail.self, Expose.self,
            ],
            defaultSubcommand: Status.self
        )
    }

    /// Longest that the worker needs to reach its provider.
    static let usual = Duration.seconds(75)
    /// `transcriptTimeoutMs` may be ten minutes.
    static let conversing = Duration.seconds(620)

    /// `voicecall call`.
    struct Call: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Rings somebody and says a message.")
        }

        @Option(name: [.customShort("t"), .long], help: "Number in E.164 (+15550001234); absent: toNumber.")
        var to: String?

        @Option(name: [.customShort("m"), .long], help: "What is said.")
        var message: String

        @OptionGroup var mode: VoiceMode
        @OptionGroup var common: CommonOptions

        func run() throws {
            try VoiceOrder(method: "voicecall.initiate", to: to, message: message, mode: mode.mode).run(common)
        }
    }

    /// `voicecall start`.
    struct Start: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "The same; the number has to be given, the message may be left out.")
        }

        @Option(name: [.customShort("t"), .long], help: "Number in E.164 (+15550001234).")
        var to: String

        @Option(name: [.customShort("m"), .long], help: "What is said first.")
        var message: String?

        @OptionGroup var mode: VoiceMode
        @OptionGroup var common: CommonOptions

        func run() throws {
            try VoiceOrder(method: "voicecall.start", to: to, message: message, mode: mode.mode).run(common)
        }
    }

    /// `voicecall continue`.
    struct Continue: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Says something in a call and waits for the answer.")
        }

        @OptionGroup var call: VoiceCallID
        @Option(name: [.customShort("m"), .long], help: "What is said.")
        var message: String
        @OptionGroup var common: CommonOptions

        func run() throws {
            let gateway = try common.discovery.gateway().withLimit(VoiceCallCommand.conversing)
            let params: JSON = ["callId": .string(call.callId), "message": .string(message)]
            let answer = try gateway.call("voicecall.continue", params)
            Terminal.say(common.json ? answer.text : Words.plain(answer["transcript"]?.string ?? ""))
        }
    }

    /// `voicecall speak`.
    struct Speak: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Says something in a call.")
        }

        @OptionGroup var call: VoiceCallID
        @Option(name: [.customShort("m"), .long], help: "What is said.")
        var message: String
        @OptionGroup var common: CommonOptions

        func run() throws {
            let params: JSON = ["callId": .string(call.callId), "message": .string(message)]
            let answer = try common.discovery.gateway().withLimit(VoiceCallCommand.usual).call(
                "voicecall.speak",
                params
            )
            Terminal.say(common.json ? answer.text : "It is said.")
        }
    }

    /// `voicecall end`.
    struct End: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Hangs up.")
        }

        @OptionGroup var call: VoiceCallID
        @OptionGroup var common: CommonOptions

        func run() throws {
            let params: JSON = ["callId": .string(call.callId)]
            let gateway = try common.discovery.gateway().withLimit(VoiceCallCommand.usual)
            let answer = try gateway.call("voicecall.end", params, repeats: true)
            Terminal.say(common.json ? answer.text : "Hung up.")
        }
    }

    /// `voicecall status`.
    struct Status: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "One call, or the live ones and the last ten.")
        }

        @Option(name: .customLong("call-id"), help: "Our id of a call, or the provider's.")
        var callId: String?

        @OptionGroup var common: CommonOptions

        func run() throws {
            let gateway = try common.discovery.gateway()
            let now = Terminal.now()
            guard let callId else {
                let list = try gateway.call("voicecall.list", ["limit": 100], repeats: true)
                guard !common.json else { return Terminal.say(list.text) }
                let width = TerminalSize.now()?.columns
                return Terminal.say(VoicePage.list(list, now: now, style: common.style, width: width))
            }
            let answer = try gateway.call("voicecall.status", ["callId": .string(callId)], repeats: true)
            let isFound = answer["found"]?.bool == true
            if common.json {
                Terminal.say(answer.text)
            } else if let call = answer["call"], isFound {
                Terminal.say(VoicePage.call(call, now: now, style: common.style))
            } else {
                Terminal.complain("There is no call \"\(Words.plain(callId))\". See them:  clawhold voicecall")
            }
            if !isFound { throw ExitCode(1) }
        }
    }

    /// `voicecall tail`.
    struct Tail: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Every change of any call as it happens; ends with Ctrl-C.")
        }

        @Option(help: ArgumentHelp("How many earlier ones are shown first (25; 100 at most).", valueName: "n"))
        var since = 25

        @Option(help: ArgumentHelp("Milliseconds between two looks (250; 100 at least).", valueName: "ms"))
        var poll = 250

        @OptionGroup var common: CommonOptions

        func validate() throws {
            if !(0...100).contains(since) { throw ValidationError("--since must be between 0 and 100") }
            if !(100...60_000).contains(poll) { throw ValidationError("--poll must be between 100 and 60000") }
        }

        func run() throws {
            let gateway = try common.discovery.gateway()
            var list = try gateway.call("voicecall.list", ["limit": .integer(Int64(max(1, since)))], repeats: true)
            if since > 0 { show(list) }
            while true {
                let rev = list["rev"]?.integer ?? 0
                usleep(UInt32(clamping: poll) * 1000)
                list = try gateway.call("voicecall.list", ["limit": 100, "after": .integer(rev)], repeats: true)
                show(list)
            }
        }

        private func show(_ list: JSON) {
            for call in (list["calls"]?.array ?? []).reversed() {
                Terminal.say(common.json ? call.text : VoicePage.line(call))
            }
        }
    }

    /// `voicecall expose`.
    struct Expose: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Says how the webhook becomes public: tunnels do that here.")
        }

        @Option(help: "off, serve or funnel, as OpenClaw has it.")
        var mode: String?
        @Option(help: .hidden) var path: String?
        @Option(help: .hidden) var port: Int?
        @Option(help: .hidden) var servePath: String?

        @OptionGroup var common: CommonOptions

        func run() throws {
            let text = VoicePage.expose(mode)
            if common.json {
                let answer: JSON = ["ok": false, "mode": .string(mode ?? ""), "hint": ["note": .string(text)]]
                Terminal.say(answer.text)
            } else {
                Terminal.complain(text)
            }
            throw ExitCode(1)
        }
    }
}

/// Which call.
struct VoiceCallID: ParsableArguments {
    @Option(name: .customLong("call-id"), help: "The call's id, as `voicecall` shows it.")
    var callId: String
}

/// What happens after the message.
struct VoiceMode: ParsableArguments {
    @Option(help: "notify (says the message and hangs up) or conversation (stays); absent: as configured.")
    var mode: String?

    func validate() throws {
        if let mode, !["notify", "conversation"].contains(mode) {
            throw ValidationError("--mode is notify or conversation, not \"\(mode)\"")
        }
    }
}

/// A call that is to be made.
struct VoiceOrder {
    var method: String
    var to: String?
    var message: String?
    var mode: String?

    func run(_ common: CommonOptions) throws {
        var params = JSONObject()
        params["to"] = to.map(JSON.string)
        params["message"] = message.map(JSON.string)
        params["mode"] = mode.map(JSON.string)
        // A gateway that ends meanwhile is asked again: the same key never dials twice.
        params["idempotencyKey"] = .string("cli:\(UUID().uuidString)")
        let gateway = try common.discovery.gateway().withLimit(VoiceCallCommand.usual)
        let answer = try gateway.call(method, .object(params), repeats: true)
        guard !common.json else { return Terminal.say(answer.text) }
        let id = Words.plain(answer["callId"]?.string ?? "")
        Terminal.say("Call \(id) is on its way. How it goes:  clawhold voicecall status --call-id \(id)")
    }
}
