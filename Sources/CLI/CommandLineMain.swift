internal import ArgumentParser
internal import Glibc

/// The command line: everything that is typed at a running or stopped gateway.
///
/// `arguments` is the whole command line, program name first. Blocking. Returns the exit code: 0, 1 when it failed, 2 when it was typed
/// wrongly. Data goes to standard output, complaints to standard error.
package func runCommandLine(arguments: [String]) -> Int32 {
    do {
        var command = try ClawholdCommand.parseAsRoot(GlobalFlags.moveBack(Array(arguments.dropFirst())))
        try command.run()
        return 0
    } catch let code as ExitCode {
        return code.rawValue
    } catch let failure as CommandFailure {
        Terminal.complain(failure.text)
        return failure.code
    } catch let refused as GatewayCall.Refused {
        Terminal.complain(Words.plain(refused.message))
        return 1
    } catch let missing as Discovery.NotRunning {
        Terminal.complain(missing.text)
        return 1
    } catch {
        let text = ClawholdCommand.fullMessage(for: error)
        // Help and version are errors to the parser, and none to anybody else.
        guard ClawholdCommand.exitCode(for: error) != .success else {
            Terminal.say(text)
            return 0
        }
        Terminal.complain(text)
        return ClawholdCommand.exitCode(for: error) == .validationFailure ? 2 : 1
    }
}

/// OpenClaw takes its global flags in front of the command; the parser wants them behind it.
enum GlobalFlags {
    static func moveBack(_ arguments: [String]) -> [String] {
        var front: [String] = []
        var rest = arguments[...]
        while let first = rest.first {
            if ["--profile", "--state-dir"].contains(first), rest.count > 1 {
                front += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if ["--dev", "--no-color"].contains(first) || first.hasPrefix("--profile=")
                || first.hasPrefix("--state-dir=")
            {
                front.append(first)
                rest = rest.dropFirst()
            } else {
                break
            }
        }
        guard !front.isEmpty, !rest.isEmpty else { return arguments }
        return rest + front
    }
}

/// Where text goes.
enum Terminal {
    /// A line on standard output.
    static func say(_ text: String) {
        write(text + "\n", to: 1)
    }

    /// Lines on standard error.
    static func complain(_ text: String) {
        write(text + "\n", to: 2)
    }

    static func write(_ text: String, to fd: Int32) {
        var bytes = [UInt8](text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Now, as milliseconds since 1970.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
