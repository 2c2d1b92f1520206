internal import ArgumentParser
internal import Config
internal import Glibc
internal import IPCControl

/// `top`: the workers, live.
struct TopCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "top",
            abstract: "The workers, refreshed in place: memory, processor time, the last minute, what happened.",
            discussion: """
                Keys: q or Ctrl-C quit, m by memory, c by processor time, n by name.
                When the output is no terminal: once, or --count times. With --json one object a line.

                Exit codes: 0 shown, 1 nothing runs or it does not answer, 2 typed wrongly.
                """
        )
    }

    @OptionGroup var common: CommonOptions

    @Option(name: .shortAndLong, help: "Seconds between two looks.")
    var interval: Double = 2

    @Option(name: [.customShort("n"), .long], help: "So many looks, then the end.")
    var count: Int?

    @Option(name: .shortAndLong, help: "memory, cpu or name.")
    var sort: String = "memory"

    func validate() throws {
        guard (0.1...3600).contains(interval) else {
            throw ValidationError("--interval must be between 0.1 and 3600 seconds")
        }
        if let count, !(1...1_000_000).contains(count) { throw ValidationError("--count must be 1 or more") }
        guard TopView.Order(rawValue: sort) != nil else {
            throw ValidationError("--sort is memory, cpu or name, not \"\(sort)\"")
        }
    }

    func run() throws {
        var view = TopView()
        view.order = TopView.Order(rawValue: sort) ?? .memory
        if isatty(1) == 1, !common.json {
            try live(&view)
        } else {
            try plain(&view)
        }
    }

    private var pause: Int32 { Int32(min(interval * 1000, 3_600_000)) }

    /// Onto a pipe or into a file.
    private func plain(_ view: inout TopView) throws {
        var times = ProcessorTimes()
        // Processor time is what was used between two looks.
        _ = times.look(at: try look(&times, 0).rows.map(\.pid), now: Self.monotonic())
        usleep(200_000)
        for number in 0..<(count ?? 1) {
            if number > 0 { usleep(UInt32(pause) * 1000) }
            let look = try look(&times, 0)
            view.remember(look)
            let text =
                common.json
                ? view.json(look)
                : view.page(look, size: nil, style: common.style, isUTF8: isUTF8).joined(separator: "\n")
                    + (count ?? 1 > 1 ? "\n" : "")
            Terminal.say(text)
        }
    }

    private func live(_ view: inout TopView) throws {
        var times = ProcessorTimes()
        let style = common.style
        // A gateway that is not there from the beginning is an error; one that goes later is waited for.
        var last = try look(&times, TerminalSize.usual.rows)
        guard let screen = LiveScreen() else { return try plain(&view) }
        var looks = 1
        view.remember(last)
        while true {
            screen.draw(view.page(last, size: TerminalSize.now(), style: style, isUTF8: isUTF8))
            if let count, looks >= count { return }
            switch screen.wait(milliseconds: looks == 1 ? min(pause, 500) : pause) {
            case .time:
                last = current(&times)
                view.remember(last)
                looks += 1
            case .key(UInt8(ascii: "q")), .key(UInt8(ascii: "Q")), .key(3), .key(4), .quit: return
            case .key(UInt8(ascii: "m")): view.order = .memory
            case .key(UInt8(ascii: "c")): view.order = .cpu
            case .key(UInt8(ascii: "n")): view.order = .name
            case .key, .resized: break
            }
        }
    }

    /// A look, also when nobody answers.
    private func current(_ times: inout ProcessorTimes) -> TopView.Look {
        let rows = TerminalSize.now()?.rows ?? TerminalSize.usual.rows
        return (try? look(&times, rows)) ?? TopView.Look(status: nil, rows: [], now: Terminal.now())
    }

    private func look(_ times: inout ProcessorTimes, _ events: Int) throws -> TopView.Look {
        // Found anew each time: the supervisor may have been replaced meanwhile.
        let found = try common.discovery.find()
        var look = TopView.Look(
            status: found.status,
            rows: try WorkerRow.all(on: found.connection),
            now: Terminal.now()
        )
        if events > 0 {
            let command = Block("COMMAND", ["CMD": "events", "LINES": String(min(events, 200))])
            look.events = try found.connection.blocks(command)
        }
        look.cpu = times.look(at: look.rows.map(\.pid).filter { $0 > 0 }, now: Self.monotonic())
        return look
    }

    /// Whether the terminal is said to show UTF-8.
    private var isUTF8: Bool {
        let environment = Environment(Discovery.processEnvironment())
        let locale = environment["LC_ALL"] ?? environment["LC_CTYPE"] ?? environment["LANG"] ?? ""
        return ["utf-8", "utf8"].contains { locale.lowercased().contains($0) }
    }

    private static func monotonic() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
