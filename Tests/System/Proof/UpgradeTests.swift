import FoundationEssentials
import Glibc
import IPCControl
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// P16, P17, P21 of docs/proof.md: the real executable becomes another build of itself.
    @Suite("A live upgrade", .serialized)
    struct UpgradeTests {
        @Test(
            "under load: no connect fails, pid and port stay, every worker is replaced in its turn, nothing is said twice"
        )
        func forward() async throws {
            let world = try await World.start()
            let gateway = world.gateway
            // Every kind of worker is running before.
            #expect(try await world.ask("before the upgrade").contains("before the upgrade"))
            let before = try await gateway.workers().compactMapValues { $0["PID"] }.filter { $0.value != "0" }
            let channel = try await gateway.pid(of: World.telegramWorker)
            let next = try OtherBuild(in: gateway.state)
            let client = try await WebSocketClient.connected(to: gateway.port, token: Gateway.token)
            let knocking = Knocking(gateway.port, threads: 3)

            // Both turns are in the model's hands, with all but the last event of their streams.
            try await world.model.control("hold")
            let calls = try await world.model.calls().count
            let started = try await client.chat("chat during the upgrade", key: "upgrade-1")
            #expect(started["status"] == "started")
            try await world.telegram.write("message during the upgrade", chat: World.chat)
            _ = try await world.model.calls(from: calls, within: 10)

            let began = ContinuousClock.now
            let mark = gateway.process.lines.items.count
            async let upgrade = Self.upgrade(gateway, next.path)
            try await gateway.process.line(containing: "this is build \(next.id) now", from: mark)
            let executed = ContinuousClock.now - began
            // The exec left the channel alone: it is the process that it was until its turn comes.
            let isReplaced = gateway.process.lines.items[mark...].contains {
                $0.contains("\(World.telegramWorker) is being")
            }
            #expect(isReplaced || ProcessFiles(pid: channel).state.map { $0 != "Z" } == true)
            let second = try Gateway.launch(in: gateway.state, port: gateway.port)
            #expect(try await second.process.ended() == 75)
            #expect(second.process.tail().contains("pid \(gateway.process.pid)"), "\(second.process.tail())")
            try await world.model.control("release")
            let answer = try await upgrade
            let took = ContinuousClock.now - began
            #expect(answer.status == 0, "\(answer.words)\n\(gateway.process.tail())")
            let seen = await knocking.stop()

            // The turns that were under way: each answered, once.
            let sent = try await world.telegram.sent(count: 2)
            try await eventually("the chat's answer in the history") {
                try world.transcript("assistant", containing: "chat during the upgrade").count == 1
            }
            #expect(sent.count == 2)
            #expect(try await world.answers(to: "message during the upgrade").count == 1)
            #expect(try world.transcript("user", containing: "chat during the upgrade").count == 1)
            #expect(try world.transcript("assistant", containing: "message during the upgrade").count == 1)

            // All of it is the new build now, in the process and on the port of the old one.
            #expect(seen.refused == 0, "\(seen)")
            #expect(seen.served > 20 && seen.cut == 0, "\(seen)")
            #expect(ProcessFiles(pid: gateway.process.pid).executable == next.path)
            #expect(try await gateway.command("status").first?["BUILD"] == next.id)
            let order = gateway.process.lines.items[mark...].filter { $0.contains("is being replaced") }
            #expect(order.first?.contains("gateway") == true && order.count == before.count, "\(order)")
            for (id, row) in try await gateway.workers() {
                guard let pid = row.integer("PID"), pid > 0 else { continue }
                #expect(row["PID"] != before[id], "\(id) is the process that it was")
                #expect(ProcessFiles(pid: pid_t(pid)).executable == next.path, "\(id)")
            }
            #expect(try await world.ask("after the upgrade").contains("after the upgrade"))
            #expect(try await gateway.stop() == 0)
            #expect(try await world.markedTexts().isEmpty)
            print("upgrade: exec \(executed), all \(took); \(seen)")
        }

        @Test("to a file that is no working program: refused, and every process is the one that it was")
        func broken() async throws {
            let world = try await World.start()
            let gateway = world.gateway
            let before = try await gateway.workers().mapValues { $0["PID"] }
            let script = gateway.state.path + "/script"
            try gateway.state.write("script", "#!/bin/sh\nexit 1\n")
            chmod(script, 0o755)
            try gateway.state.write("text", "hello\n")
            chmod(gateway.state.path + "/text", 0o644)
            let cut = try OtherBuild(in: gateway.state, name: "cut") { $0.removeSubrange(($0.count / 10)...) }
            for (path, words) in [
                (script, "self-check could not be started"), (gateway.state.path + "/text", "chmod 755"),
                (cut.path, "self-check"),
            ] {
                let answer = try await Self.upgrade(gateway, path)
                #expect(answer.status == 1 && answer.words.contains(words), "\(answer)")
            }
            #expect(try await gateway.workers().mapValues { $0["PID"] } == before)
            #expect(ProcessFiles(pid: gateway.process.pid).executable == (try Place.executable()))
            #expect(try await world.ask("still here").contains("still here"))
            #expect(try await gateway.stop() == 0)
        }

        @Test("to a build whose gateway never gets ready: the old one is back within seconds, and no connect fails")
        func back() async throws {
            let world = try await World.start()
            let gateway = world.gateway
            let build = try await gateway.command("status").first?["BUILD"]
            let channel = try await gateway.pid(of: World.telegramWorker)
            // Its journal refuses its first statement.
            let next = try OtherBuild(in: gateway.state) { bytes in
                let statement = Array("PRAGMA locking_mode=EXCLUSIVE".utf8)
                while let start = OtherBuild.first(statement, in: bytes) { bytes[start + 2] = UInt8(ascii: "O") }
            }
            let knocking = Knocking(gateway.port, threads: 3)
            let began = ContinuousClock.now
            let answer = try await Self.upgrade(gateway, next.path)
            let took = ContinuousClock.now - began
            let seen = await knocking.stop()
            #expect(answer.status == 1 && answer.words.contains("its gateway was not ready within 2 s"), "\(answer)")
            #expect(took < .seconds(8), "\(took)")
            #expect(seen.refused == 0, "\(seen)")
            try await gateway.healthy()
            #expect(ProcessFiles(pid: gateway.process.pid).executable == (try Place.executable()))
            #expect(try await gateway.command("status").first?["BUILD"] == build)
            #expect(try await gateway.pid(of: World.telegramWorker) == channel, "the channel was never touched")
            #expect(try await world.ask("back again").contains("back again"))
            #expect(try await gateway.stop() == 0)
            print("upgrade back: \(took); \(seen)")
        }

        @Test(
            "TERM in the middle of it ends everything with 0, in time",
            arguments: [
                "self-check", "now, PID", "gateway is being replaced", "telegram:default is being replaced",
            ]
        )
        func termination(_ words: String) async throws {
            let world = try await World.start()
            let gateway = world.gateway
            let next = try OtherBuild(in: gateway.state)
            try await gateway.worker(World.telegramWorker)
            let mark = gateway.process.lines.items.count
            async let upgrade = Self.upgrade(gateway, next.path)
            try await gateway.process.line(containing: words, from: mark)
            let workers = ProcessFiles(pid: gateway.process.pid).children
            let began = ContinuousClock.now
            #expect(try await gateway.stop() == 0, "\(gateway.process.tail())")
            let took = ContinuousClock.now - began
            #expect(took < .milliseconds(4500), "\(took): \(gateway.process.tail())")
            try await eventually(within: 2, "\(workers) are gone") {
                workers.allSatisfy { ProcessFiles(pid: $0).state.map { $0 == "Z" } ?? true }
            }
            _ = try await upgrade
            print("TERM at “\(words)”: \(took)")
        }

        /// `clawhold upgrade --from`, its exit status and everything that it said.
        private static func upgrade(_ gateway: Gateway, _ path: String) async throws -> (status: Int32, words: String) {
            let tool = try ChildProcess(
                [try Place.executable(), "upgrade", "--from", path],
                environment: [
                    "PATH": "/usr/bin:/bin", "HOME": gateway.state.path, "OPENCLAW_STATE_DIR": gateway.state.path,
                ]
            )
            let status = try await tool.ended(within: 30)
            return (status, tool.tail())
        }
    }
}

/// A copy of the executable that calls itself another build: its linker's note is changed.
private struct OtherBuild {
    let path: String
    let id: String

    init(in state: StateDirectory, name: String = "next", change: (inout [UInt8]) -> Void = { _ in }) throws {
        var bytes = Array(try Data(contentsOf: URL(filePath: try Place.executable())))
        // The header of the note: 4 bytes of name, 20 of content, type 3, "GNU".
        let header: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4E, 0x55, 0]
        guard let note = Self.first(header, in: bytes), note + 36 <= bytes.count else {
            throw TestFailure("no build id in the executable")
        }
        let digits = (0..<20).map { _ in UInt8.random(in: 0...255) }
        bytes.replaceSubrange((note + 16)..<(note + 36), with: digits)
        change(&bytes)
        path = "\(state.path)/\(name)"
        id = Build.make(note: digits)
        try Data(bytes).write(to: URL(filePath: path))
        chmod(path, 0o755)
    }

    /// Where `part` begins; by the C library, since a debug executable has a hundred megabytes.
    static func first(_ part: [UInt8], in bytes: [UInt8]) -> Int? {
        guard let head = part.first else { return nil }
        return bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return nil }
            var at = 0
            while at + part.count <= all.count,
                let found = memchr(base + at, Int32(head), all.count - at - part.count + 1)
            {
                if memcmp(found, part, part.count) == 0 { return UnsafeRawPointer(found) - base }
                at = UnsafeRawPointer(found) - base + 1
            }
            return nil
        }
    }
}

/// Clients that connect to `/healthz` without pause, each time anew.
private final class Knocking: Sendable {
    /// Cut: the connect succeeded, and no whole answer came. Refused: the connect itself failed.
    struct Count: Sendable {
        var (served, cut, refused) = (0, 0, 0)
    }

    private let count = Mutex(Count())
    private let isOver = Mutex(false)
    private let ends = Mailbox<Int>()
    private let threads: Int

    init(_ port: UInt16, threads: Int) {
        self.threads = threads
        for thread in 0..<threads {
            onThread { [self] in
                while !isOver.withLock({ $0 }) { knock(port) }
                ends.append(thread)
            }
        }
    }

    private func knock(_ port: UInt16) {
        guard let socket = try? Socket.tcp(port) else { return count.withLock { $0.refused += 1 } }
        do {
            try socket.write(Array("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
            guard try HTTP.answer(from: socket, 10).status == 200 else { throw TestFailure("not healthy") }
            count.withLock { $0.served += 1 }
        } catch {
            count.withLock { $0.cut += 1 }
        }
    }

    /// Ends them and says what they saw.
    func stop() async -> Count {
        isOver.withLock { $0 = true }
        for thread in 0..<threads { _ = await ends.first(within: 15) { $0 == thread } }
        return count.withLock { $0 }
    }
}
