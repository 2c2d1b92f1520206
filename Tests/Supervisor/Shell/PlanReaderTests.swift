import IPCControl
import Testing

@testable import Supervisor

@Suite("Reading a plan")
struct PlanReaderTests {
    private let settings = Block(
        "SETTINGS",
        ["STATE_DIR": "/data", "CONFIG_PATH": "/data/openclaw.json", "PORT": "1", "BIND": "lan"]
    )

    private func worker(_ id: String, _ change: (inout Block) -> Void = { _ in }) -> Block {
        var block = Block("WORKER", ["ID": id, "KIND": "x", "START": "permanent", "REV": "1", "UID": "own"])
        change(&block)
        return block
    }

    private func read(_ blocks: [Block]) throws(PlanError) -> Plan? {
        var reader = PlanReader()
        for block in blocks { if let plan = try reader.read(block) { return plan } }
        return nil
    }

    @Test("a whole plan counts at END and not a block earlier")
    func whole() throws {
        let blocks = [
            settings,
            Block("LISTEN", ["NAME": "http", "HOST": "::", "PORT": "3000"]),
            worker("gateway") {
                $0["SOFT_KB"] = "10"; $0["HARD_KB"] = "20"
            },
            worker("sidecar:x") {
                $0["ARGC"] = "2"
                $0["ARG0"] = "/bin/x"
                $0["ARG1"] = "-v"
                $0["ENVC"] = "1"
                $0["ENV0"] = "A=b"
            },
            Block("CONFIG", ["WORKER": "gateway", "DATA": "{"]),
            Block("CONFIG", ["WORKER": "gateway", "DATA": "}"]),
            Block("SECRET", ["WORKER": "gateway", "NAME": "T", "VALUE": "s"]),
            Block("NOTICE", ["LEVEL": "info", "TEXT": "n"]),
            Block("END"),
        ]
        for count in 0..<(blocks.count - 1) { #expect(try read(Array(blocks.prefix(count))) == nil) }
        let plan = try #require(try read(blocks))
        #expect(plan.listeners == [.init(name: "http", host: "::", port: 3000)])
        #expect(plan.workers.map(\.spec.id) == [.gateway, .of("sidecar:x")])
        #expect(plan.worker(.gateway)?.configuration == ["{", "}"])
        #expect(plan.worker(.gateway)?.secrets == [.init(name: "T", value: "s")])
        #expect(plan.worker(.gateway)?.spec.memory.hard == MemoryShare(leastKB: 20))
        #expect(plan.worker(.gateway)?.spec.memory.soft == MemoryShare(leastKB: 10))
        #expect(plan.worker(.of("sidecar:x"))?.arguments == ["/bin/x", "-v"])
        #expect(plan.worker(.of("sidecar:x"))?.environment == ["A=b"])
    }

    @Test("half a plan, a stranger's block or a malformed value spoils all of it")
    func malformed() {
        let bad: [[Block]] = [
            [Block("END")],
            [Block("HELLO")],
            [Block("SETTINGS", ["STATE_DIR": "relative", "CONFIG_PATH": "/c", "PORT": "1"])],
            [settings, worker("gateway"), worker("gateway")],
            [settings, worker("Gateway")],
            [settings, worker("gateway") { $0["START"] = "sometimes" }],
            [settings, worker("gateway") { $0["UID"] = "0" }],
            [settings, worker("gateway") { $0["REV"] = nil }],
            [settings, worker("sidecar:x")],
            [
                settings,
                worker("sidecar:x") {
                    $0["ARGC"] = "1"; $0["ARG0"] = "relative"
                },
            ],
            [
                settings,
                worker("sidecar:x") {
                    $0["ARGC"] = "2"; $0["ARG0"] = "/x"
                },
            ],
            [
                settings,
                worker("sidecar:x") {
                    $0["ARGC"] = "-1"; $0["ARG0"] = "/x"
                },
            ],
            [
                settings,
                worker("sidecar:x") {
                    $0["ARGC"] = "257"; $0["ARG0"] = "/x"
                },
            ],
            [settings, Block("CONFIG", ["WORKER": "gateway", "DATA": "x"])],
            [settings, Block("LISTEN", ["NAME": "http", "HOST": "::", "PORT": "65536"])],
            [settings, Block("LISTEN", ["NAME": "hub", "HOST": "::", "PORT": "1"])],
            [settings, Block("LISTEN", ["NAME": "a:5,b", "HOST": "::", "PORT": "1"])],
        ]
        for blocks in bad {
            #expect(throws: PlanError.self, "\(blocks.last?.fields ?? [])") { try read(blocks + [Block("END")]) }
        }
    }

    @Test("restart and the sign of readiness are a sidecar's; without them it always comes back and is ready at once")
    func foreign() throws {
        func spec(_ change: (inout Block) -> Void) throws -> WorkerSpec? {
            let block = worker("sidecar:x") {
                $0["ARGC"] = "1"
                $0["ARG0"] = "/bin/x"
                change(&$0)
            }
            return try read([settings, block, Block("END")])?.workers.first?.spec
        }
        let plain = try spec { _ in }
        #expect(plain?.restart == .always && plain?.readySign == nil)
        let line = try spec {
            $0["RESTART"] = "on-failure"
            $0["READY_LINE"] = "a b"
        }
        #expect(line?.restart == .onFailure && line?.readySign == .line("a b"))
        #expect(try spec { $0["READY_PORT"] = "65535" }?.readySign == .port(65_535))
        for (key, value) in [
            ("RESTART", "sometimes"), ("RESTART", ""), ("READY_LINE", ""), ("READY_PORT", "0"), ("READY_PORT", "65536"),
            ("READY_PORT", "-1"), ("READY_LINE", String(repeating: "x", count: LineSplitter.limit + 1)),
        ] {
            #expect(throws: PlanError.self, "\(key)=\(value.prefix(20))") { try spec { $0[key] = value } }
        }
        #expect(throws: PlanError.self) {
            try spec {
                $0["READY_LINE"] = "x"
                $0["READY_PORT"] = "1"
            }
        }
        let own = try read([settings, worker("gateway") { $0["RESTART"] = "never" }, Block("END")])
        #expect(own?.workers.first?.spec.restart == .always, "our own workers always come back")
    }

    @Test("a plan has bounds: workers, listeners, notices, bytes")
    func bounds() throws {
        let many = (0..<PlanReader.workerLimit).map { worker("agent:a\($0)") }
        #expect(try read([settings] + many + [Block("END")])?.workers.count == PlanReader.workerLimit)
        #expect(throws: PlanError.self) { try read([settings] + many + [worker("gateway")]) }
        let listeners = (0...PlanReader.listenerLimit).map {
            Block("LISTEN", ["NAME": "l\($0)", "HOST": "::", "PORT": "1"])
        }
        #expect(throws: PlanError.self) { try read(listeners) }
        let notices = [Block](repeating: Block("NOTICE", ["LEVEL": "info", "TEXT": "n"]), count: 1001)
        #expect(throws: PlanError.self) { try read(notices) }
        let piece = String(repeating: "x", count: 32_000)
        let pieces = [Block](
            repeating: Block("CONFIG", ["WORKER": "gateway", "DATA": piece]),
            count: PlanReader.sizeLimit / 32_000 + 1
        )
        #expect(throws: PlanError.self) { try read([settings, worker("gateway")] + pieces) }
    }

    @Test("a short name means the one worker it fits; a whole id always means itself")
    func names() {
        let ids = ["gateway", "channel:telegram:default", "channel:telegram:work", "agent:main", "agent:telegram"]
            .map { WorkerID.of($0) }
        #expect(WorkerNames.find("main", among: ids) == .one(.agent))
        #expect(WorkerNames.find("Work", among: ids) == .one(.of("channel:telegram:work")))
        #expect(WorkerNames.find("telegram:default", among: ids) == .one(.telegram))
        #expect(WorkerNames.find("agent:telegram", among: ids) == .one(.of("agent:telegram")))
        #expect(
            WorkerNames.find("telegram", among: ids)
                == .several([.of("agent:telegram"), .telegram, .of("channel:telegram:work")])
        )
        #expect(WorkerNames.find("gate", among: ids) == .none)
        #expect(WorkerNames.find("", among: ids) == .none)
        #expect(WorkerNames.find("a:b:c:d:e", among: ids) == .none)
    }
}
