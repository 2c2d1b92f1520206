internal import NIOCore
internal import Runtime

/// The tailscale command, each call with a time limit: some wait for a person to click for ever.
struct TailscaleCommand: Sendable {
    var program: String
    /// tailscaled's socket; empty: where it is by itself.
    var socket: String
    let loop: any EventLoop

    /// How a call ended.
    struct Answer: Sendable, Equatable {
        var output: String
        /// Nil: it did not end in time and was killed.
        var exit: ChildExit?

        var isGood: Bool { exit == ChildExit(code: 0, signal: 0) }
    }

    /// Most bytes of output that are kept.
    static let outputLimit = 1 << 20

    /// Throws `ChildError` when the program cannot be started.
    func call(_ arguments: [String], secret: String? = nil, within limit: Duration = .seconds(15)) async throws
        -> Answer
    {
        var child = ChildProgram(path: program)
        child.arguments = (socket.isEmpty ? [] : ["--socket=\(socket)"]) + arguments
        child.environment = ChildEnvironment.make()
        child.secretInput = secret.map { Array($0.utf8) }
        child.hidden = secret ?? ""
        let output = Shared("")
        let program = child
        var exit: ChildExit?
        do {
            exit = try await TimeLimit.run(limit, on: loop) { [loop] in
                try await program.run(on: loop, started: { _ in }) { line in
                    output.withLock { text in
                        if text.utf8.count + line.utf8.count < Self.outputLimit { text += line + "\n" }
                    }
                }
            }
        } catch is TimeLimit.Exceeded {
            // It was ended; what it said until then tells what it waited for.
        }
        return Answer(output: output.withLock { $0 }, exit: exit)
    }
}
