import Glibc
import IPCControl
import TestSupport
import Testing

extension SystemTests {
    /// P28 of docs/proof.md: what every kind of process has, seen from outside.
    @Suite("Least privilege", .serialized, .enabled(if: Machine.isRoot, "needs root to give users away"))
    struct PrivilegeTests {
        static let owner: UInt32 = 1234
        static let sidecar = "sidecar:idle"

        /// A world whose state directory belongs to an ordinary user, with every kind of worker alive.
        private func world() async throws -> World {
            let state = try StateDirectory()
            #expect(chown(state.path, Self.owner, Self.owner) == 0)
            let world = try await World.start(state: state) { setup in
                setup.ownConfig = ["sidecars": ["idle": ["command": ["/bin/sleep", "1000"]]]]
                for name in ["NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "WATCHDOG_USEC", "AWS_SECRET_ACCESS_KEY"] {
                    setup.environment[name] = "0"
                }
            }
            _ = try await world.ask("hello")
            return world
        }

        private func processes(_ world: World) async throws -> [String: ProcessFiles] {
            var found: [String: ProcessFiles] = [:]
            for id in Isolation.everyKind { found[id] = ProcessFiles(pid: try await world.gateway.pid(of: id)) }
            return found
        }

        @Test("users, capabilities, no_new_privs, core limit, seccomp, dumpability of every kind of worker")
        func identity() async throws {
            let world = try await world()
            var users: [UInt32] = []
            for (id, process) in try await processes(world) {
                for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                    #expect(process.status(set) == "0000000000000000", "\(id) \(set)")
                }
                #expect(process.status("NoNewPrivs") == "1", "\(id)")
                #expect((process.status("Groups") ?? "").allSatisfy { $0 == " " }, "\(id)")
                let isOwners = id == "gateway" || id.hasPrefix("agent:")
                let user = process.id("Uid")
                #expect(user == process.id("Gid"), "\(id)")
                if isOwners { #expect(user == Self.owner, "\(id)") } else { users.append(user ?? 0) }
                // "No network" is a filter; channels and models need the network, sidecars are foreign.
                if isOwners { #expect(process.status("Seccomp") == "2", "\(id)") }
                let core = process.text("limits").split(separator: "\n").first { $0.hasPrefix("Max core file size") }
                #expect(core?.split(separator: " ").suffix(3).prefix(2).joined() == "00", "\(id) \(core ?? "")")
                if id != Self.sidecar { #expect(!process.isDumpable, "\(id)") }
            }
            #expect(users.count == 3 && Set(users).count == 3 && users.allSatisfy { $0 > 50_000 }, "\(users)")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("the environment of every worker is empty but for what is ours; no secret is on a command line")
        func environment() async throws {
            let world = try await world()
            for (id, process) in try await processes(world) {
                let names = Set(process.environment.map { String($0.prefix { $0 != "=" }) })
                if id == Self.sidecar {
                    #expect(names.isSubset(of: ["PATH", "HOME", "LANG", "TZ", "MALLOC_ARENA_MAX"]), "\(names)")
                } else {
                    #expect(names == ["MALLOC_ARENA_MAX", "SWIFT_BACKTRACE", "TZ"], "\(id): \(names)")
                    #expect(process.commandLine == ["clawhold: \(id)", "worker"])
                }
            }
            let supervisor = ProcessFiles(pid: world.gateway.process.pid)
            for secret in [Gateway.token, BotAPI.token, ModelFake.key] {
                #expect(!supervisor.text("cmdline").contains(secret))
                #expect(!world.gateway.process.lines.items.contains { $0.contains(secret) })
            }
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "a worker has its three streams, its lifeline and, the gateway, its listeners; no two share anything else"
        )
        func descriptors() async throws {
            let world = try await world()
            let processes = try await processes(world)
            let supervisor = ProcessFiles(pid: world.gateway.process.pid)
            let owned = supervisor.shareable
            for (id, process) in processes {
                let open = process.descriptors
                #expect(open[0] == "/dev/null", "\(id)")
                #expect(open[1]?.hasPrefix("pipe:") == true && open[2]?.hasPrefix("pipe:") == true, "\(id): \(open)")
                if id == Self.sidecar {
                    #expect(open.count == 3, "\(open)")
                    continue
                }
                #expect(open[3]?.hasPrefix("socket:") == true, "\(id)")
                // What it shares with the supervisor: its two pipes; the gateway its listeners as well, from 4 on.
                let shared = process.shareable.intersection(owned).subtracting([open[1] ?? "", open[2] ?? ""])
                if id == "gateway" {
                    #expect((3...4).contains(shared.count), "loopback, maybe that of IPv6, hub and rpc: \(shared)")
                    #expect(shared == Set((4..<4 + Int32(shared.count)).compactMap { open[$0] }))
                } else {
                    #expect(shared.isEmpty, "\(id) shares \(shared)")
                }
                let isOwners = id == "gateway" || id.hasPrefix("agent:")
                for (number, link) in open where number > 3 {
                    let isOwnFile = isOwners && link.hasPrefix(world.gateway.state.path + "/")
                    let isEvent = ["anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[timerfd]"].contains(
                        link
                    )
                    #expect(link.hasPrefix("socket:") || isEvent || isOwnFile, "\(id) has \(number): \(link)")
                }
            }
            let workers = processes.sorted { $0.key < $1.key }
            for (index, one) in workers.enumerated() {
                for other in workers[(index + 1)...] {
                    let both = one.value.shareable.intersection(other.value.shareable)
                    #expect(both.isEmpty, "\(one.key) and \(other.key) share \(both)")
                }
            }
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("the planner has the owner's user, no capability, no network, and nothing but its lifeline")
        func planner() async throws {
            let world = try await world()
            let supervisor = ProcessFiles(pid: world.gateway.process.pid)
            // It lives for some hundredths of a second, and what is looked at is the time between its confinement and its
            // end: made again until it is caught there.
            let again = Task { while !Task.isCancelled { _ = try? await world.gateway.command("replan") } }
            defer { again.cancel() }
            let planner = try await blocking {
                let deadline = ContinuousClock.now + .seconds(20)
                while ContinuousClock.now < deadline {
                    // A thread that spins takes the others' turn.
                    usleep(300)
                    for files in supervisor.children.map({ ProcessFiles(pid: $0) }) {
                        guard files.status("Seccomp") == "2", files.commandLine.first == "clawhold: plan",
                            Glibc.kill(files.pid, SIGSTOP) == 0
                        else { continue }
                        if files.state == "T" { return files }
                    }
                }
                throw TestFailure("no planner was caught")
            }
            #expect(planner.id("Uid") == Self.owner && planner.id("Gid") == Self.owner)
            #expect(planner.status("CapEff") == "0000000000000000" && planner.status("NoNewPrivs") == "1")
            #expect(!planner.isDumpable)
            let open = planner.descriptors
            #expect(open[0] == "/dev/null" && open[3]?.hasPrefix("socket:") == true)
            // Its words are the operator's: it has the supervisor's standard error, twice.
            #expect(planner.shareable.intersection(supervisor.shareable) == [supervisor.descriptors[2] ?? ""])
            #expect(!planner.text("cmdline").contains(Gateway.token))
            again.cancel()
            Glibc.kill(planner.pid, SIGCONT)
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("the supervisor itself is not dumpable, even as an ordinary user")
        func supervisor() async throws {
            let state = try StateDirectory()
            #expect(chown(state.path, Self.owner, Self.owner) == 0)
            let drop = ["/usr/bin/setpriv", "--reuid=\(Self.owner)", "--regid=\(Self.owner)", "--clear-groups"]
            let gateway = try await Gateway.start(
                Gateway.Setup(environment: ["XDG_RUNTIME_DIR": state.path], wrapper: drop),
                in: state
            )
            try await gateway.process.line(containing: "not started as root")
            let supervisor = ProcessFiles(pid: gateway.process.pid)
            #expect(supervisor.id("Uid") == Self.owner)
            #expect(!supervisor.isDumpable)
            for pid in supervisor.children { #expect(!ProcessFiles(pid: pid).isDumpable) }
            #expect(try await gateway.stop() == 0)
        }
    }
}
