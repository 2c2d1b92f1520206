import Agent
import CLI
import Discord
import Gateway
import Glibc
import IPCControl
import ModelDemo
import ModelDialects
import Plan
import Provider
import Runtime
import Supervisor
import Telegram
import Tunnel
import Voice

// The role is chosen before anything else: the supervisor must stay single-threaded and without an event loop, and a
// worker must confine itself before its first thread.
let commandLine = ProgramArguments.all()
let arguments = commandLine.dropFirst()

switch Role(arguments) {
case .supervisor: exit(runSupervisor(arguments: Array(arguments)))
case .plan: exit(runPlan(arguments: ["clawhold"] + arguments.dropFirst()))
case .worker: runWorkerRole()
case .selfCheck: exit(runSelfCheck())
case .commandLine:
    // `clawhold logs | head` ends when head does, without a word.
    signal(SIGPIPE, SIG_DFL)
    exit(runCommandLine(arguments: commandLine))
}

/// Reads who this worker is and becomes it.
func runWorkerRole() -> Never {
    let start: WorkerStart
    do {
        start = try LifelineDescriptor.readOpening()
    } catch {
        complain("clawhold worker: \(error)")
        exit(error == .noLifeline ? 64 : 70)
    }
    switch (start.id.kind, start.id.parts.first) {
    case (.gateway, _): runGateway(start)
    case (.agent, _): runAgent(start)
    case (.channel, "discord"): runDiscord(start)
    case (.channel, "telegram"): runTelegram(start)
    case (.channel, "voice-call"): runVoice(start)
    case (.model, "demo"): runDemoModel(start)
    case (.model, _):
        runProvider(start) { config, worker in makeUpstream(config, group: worker.group, log: worker.log) }
    case (.tunnel, _): runTunnel(start)
    default:
        complain("clawhold worker: this build has no worker for \(start.id)")
        exit(78)
    }
}

func complain(_ text: String) {
    var line = Array(text.utf8)
    line.append(UInt8(ascii: "\n"))
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}
