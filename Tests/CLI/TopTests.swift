import CLinux
import Config
import Glibc
import IPCControl
import Testing

@testable import CLI

@Suite("top")
struct TopTests {
    private let status = Block(
        "SUPERVISOR",
        ["VERSION": "2026.11.1", "UPTIME_MS": "3725000", "MEMORY_KB": "524288", "RESERVE_KB": "40960"]
    )

    private func look(_ count: Int = 3, now: Int64 = 1_700_000_000_000, memoryKB: Int64 = 20_480) throws -> TopView.Look
    {
        let rows = try (0..<count).map { number -> WorkerRow in
            try #require(
                WorkerRow(
                    Block(
                        "WORKER",
                        [
                            "ID": number == 0 ? "gateway" : "channel:telegram:account-\(number)",
                            "KIND": number == 0 ? "gateway" : "channel", "STATE": number == 2 ? "backoff" : "ready",
                            "PID": number == 2 ? "0" : "\(10 + number)",
                            "MEMORY_KB": "\(memoryKB + Int64(number) * 1024)",
                            "PEAK_KB": "40960", "SOFT_KB": "65536", "HARD_KB": "98304", "RESTARTS": "\(number)",
                            "SINCE_MS": "\(now - 61_000)", "NEXT_MS": number == 2 ? "\(now + 4_000)" : "0",
                            "CAUSE": number == 2 ? "signal" : "",
                            "DEATH": number == 2 ? "killed by \u{1B}[2JSIGKILL" : "",
                        ]
                    )
                )
            )
        }
        var look = TopView.Look(status: status, rows: rows, now: now)
        look.events = (0..<200).map { Block("EVENT", ["AT_MS": "\(now)", "ID": "gateway", "TEXT": "event \($0)"]) }
        look.cpu = [10: 15, 11: 1234]
        return look
    }

    @Test("no frame is larger than the terminal, whatever its size and however many workers there are")
    func fits() throws {
        for (columns, rows) in [(80, 24), (40, 4), (72, 10), (200, 60), (80, 5)] {
            for count in [0, 1, 3, 40] {
                var view = TopView()
                let look = try look(count)
                view.remember(look)
                let size = TerminalSize(columns: columns, rows: rows)
                let page = view.page(look, size: size, style: .plain, isUTF8: false)
                #expect(page.count <= rows, "\(columns)x\(rows), \(count) workers: \(page.count) lines")
                guard columns >= 72 else { continue }
                #expect(page.allSatisfy { $0.count <= columns }, "\(page)")
            }
        }
    }

    @Test("a frame has the whole, the workers by memory, the reason of trouble, the last events and the keys")
    func frame() throws {
        var view = TopView()
        let look = try look()
        for second in stride(from: Int64(58), through: 0, by: -2) {
            view.remember(try self.look(now: look.now - second * 1000, memoryKB: second > 30 ? 90_000 : 20_480))
        }
        let page = view.page(look, size: .usual, style: .plain, isUTF8: false)
        #expect(page[0].hasPrefix("Clawhold 2026.11.1  degraded") && page[0].contains("up 1 h 2 m"))
        #expect(page[1] == "3 workers: 2 ready, 1 backoff  restarts 3  cpu 124%")
        #expect(page[2].hasPrefix("memory ##-") && page[2].hasSuffix("41 of 512 MB, 192 granted, 40 reserved"))
        let names = page.filter { $0.hasPrefix("channel") || $0.hasPrefix("gateway") }.map { $0.prefix(8) }
        #expect(names == ["channel:", "channel:", "gateway "], "the largest first")
        #expect(page.contains("  died: killed by  [2JSIGKILL; next try in 4s"))
        #expect(page.last?.contains("q quit") == true && page.contains { $0.hasSuffix("gateway#0 event 199") })
        let gateway = try #require(page.first { $0.hasPrefix("gateway") })
        // 90 of 96 MB in the first half of the minute, 20 in the second.
        #expect(gateway.contains("1.5") && gateway.contains("  ####...."), "\(gateway)")
        view.order = .name
        #expect(view.page(look, size: .usual, style: .plain, isUTF8: true).last?.hasSuffix("now by name") == true)
        view.order = .cpu
        let byCPU = view.page(look, size: .usual, style: .plain, isUTF8: true).filter { $0.contains("ready") }
        #expect(byCPU.dropFirst().first?.contains("123") == true)
    }

    @Test("without a gateway it says so and what to type")
    func waiting() {
        let page = TopView().page(.init(status: nil, rows: [], now: 0), size: .usual, style: .plain, isUTF8: false)
        #expect(page.joined().contains("clawhold gateway"))
    }

    @Test("as JSON it is one object with processor time and memory")
    func json() throws {
        let value = try JSON5Parser.parse([UInt8](TopView().json(try look()).utf8))
        let workers = try #require(value["workers"]?.array)
        #expect(
            workers.map { $0["id"]?.string } == ["channel:telegram:account-2", "channel:telegram:account-1", "gateway"]
        )
        #expect(workers[1]["cpuPercent"]?.number == 123.4 && workers[0]["cpuPercent"]?.kindName == "null")
        #expect(value["memoryKb"]?.integer == 524_288 && value["usedKb"]?.integer == 41_984)
    }

    @Test("sparklines: a character for each sample, clamped")
    func sparkline() {
        #expect(Sparkline.text([], top: 80, isUTF8: false) == "")
        #expect(Sparkline.text([-1, 0, 1, 10, 79, 80, .max], top: 80, isUTF8: false) == "  _.###")
        #expect(Sparkline.text([1, 40, 80], top: 80, isUTF8: true) == "▁▅█")
        #expect(Sparkline.text([5, .max], top: 0, isUTF8: true) == "▁▁")
    }

    @Test("processor time is counted by session, out of lines whose names are hostile")
    func processorTime() throws {
        let line = "77 (a) R 1 (x) S 1 77 42 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 1 0 9 10 11"
        let (session, ticks) = try #require(ProcessorTimes.parse(line))
        #expect(session == 42 && ticks == 175)
        for bad in ["", "1", "1 (x", "1 (x) S 1 2", "1 (x) S 1 2 a 0 0 0 0 0 0 0 1 1 0"] {
            #expect(ProcessorTimes.parse(bad) == nil)
        }
        var times = ProcessorTimes()
        let own = Int64(getsid(0))
        #expect(times.look(at: [own], now: 1000) == [:], "nothing to compare with yet")
        var sum = 0
        let end = clock() + Int(CLOCKS_PER_SEC) / 10
        while clock() < end { sum &+= 1 }
        #expect((times.look(at: [own], now: 2000)[own] ?? 0) > 0)
    }

    @Test("on a terminal: alternate screen, no cursor, keys without Enter, and everything back at the end")
    func screen() throws {
        let terminal = try PseudoTerminal()
        let before = terminal.settings
        #expect(TerminalSize.now(terminal.slave) == TerminalSize(columns: 100, rows: 30))
        do {
            let screen = try #require(LiveScreen(input: terminal.slave, output: terminal.slave))
            #expect(terminal.settings.c_lflag & tcflag_t(ICANON | ECHO) == 0)
            screen.draw(["one", "two"])
            terminal.type("m")
            #expect(screen.wait(milliseconds: 5000) == .key(UInt8(ascii: "m")))
            terminal.resize(columns: 60, rows: 20)
            #expect(TerminalSize.now(terminal.slave) == TerminalSize(columns: 60, rows: 20))
            pthread_kill(pthread_self(), SIGWINCH)
            #expect(screen.wait(milliseconds: 5000) == .resized)
            #expect(screen.wait(milliseconds: 0) == .time)
            pthread_kill(pthread_self(), SIGTERM)
            #expect(screen.wait(milliseconds: 5000) == .quit)
        }
        #expect(terminal.settings.c_lflag == before.c_lflag)
        let text = terminal.output
        #expect(text.hasPrefix("\u{1B}[?1049h\u{1B}[?25l"))
        #expect(text.contains("\u{1B}[Hone\u{1B}[K\r\ntwo\u{1B}[K\u{1B}[J"))
        #expect(text.hasSuffix("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"))
    }
}

/// A terminal that nobody sits at.
final class PseudoTerminal {
    let master: Int32
    let slave: Int32

    struct None: Error {}

    init() throws {
        var (ours, theirs): (Int32, Int32) = (-1, -1)
        guard openpty(&ours, &theirs, nil, nil, nil) == 0 else { throw None() }
        (master, slave) = (ours, theirs)
        resize(columns: 100, rows: 30)
    }

    deinit {
        close(master)
        close(slave)
    }

    var settings: termios {
        var settings = termios()
        tcgetattr(slave, &settings)
        return settings
    }

    func resize(columns: UInt16, rows: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    func type(_ text: String) {
        let bytes = [UInt8](text.utf8)
        _ = Glibc.write(master, bytes, bytes.count)
    }

    /// What was written to it and not read yet.
    var output: String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            var wait = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 200) > 0 else { break }
            let count = read(master, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
