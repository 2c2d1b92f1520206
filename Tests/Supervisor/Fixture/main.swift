import Glibc
import IPCControl
import Supervisor

// A miniature of the real executable: the supervisor as it is, with a planner that hands on blocks from a file and
// workers that do what their configuration tells them.
let arguments = Array(ProgramArguments.all().dropFirst())
switch arguments.first {
case "plan": FixturePlan.run(file: arguments.last ?? "")
case "worker":
    var worker = FixtureWorker()
    worker.run()
case "self-check":
    if SystemFile.link("/proc/self/exe")?.hasSuffix("slow") == true { while true { pause() } }
    exit(runSelfCheck())
default: exit(runSupervisor(arguments: arguments))
}
