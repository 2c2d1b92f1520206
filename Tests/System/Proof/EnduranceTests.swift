import FoundationEssentials
import Glibc
import IPCControl
import TestSupport
import Testing

extension SystemTests {
    /// P9 of docs/proof.md.
    @Suite("Endurance", .serialized)
    struct EnduranceTests {
        /// Every start is a real process with groups and pipes of its own that exits with 1 at once. The back-off would
        /// make a hundred thousand of them a matter of weeks; `start` by a person has none, so a dozen workers are asked for without pause.
        @Test("thousands of crashes: memory, descriptors, groups and zombies of the supervisor do not grow")
        func crashes() async throws {
            let names = (0..<12).map { "crash\($0)" }
            let sidecars = Dictionary(
                uniqueKeysWithValues: names.map { ($0, ["command": ["/bin/false"]] as JSONValue) }
            )
            let quiet = ["/bin/sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh"]
            let gateway = try await Gateway.start(
                Gateway.Setup(ownConfig: ["sidecars": .object(sidecars)], wrapper: quiet)
            )
            let supervisor = ProcessFiles(pid: gateway.process.pid)
            let path = try JSONValue(try gateway.state.read("gateway.runtime.json"))["controlSocket"]?.string ?? ""
            func crash(until total: Int) async throws {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for name in names {
                        group.addTask {
                            try await blocking { try Self.start("sidecar:\(name)", path, until: total / names.count) }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await crash(until: 1200)
            let before = try await Held(supervisor, path)
            try await crash(until: Extent.of(6000, full: 100_000))
            let after = try await Held(supervisor, path)
            print("after \(Extent.of(6000, full: 100_000)) crashes: \(before) became \(after)")
            #expect(after.privateKB - before.privateKB <= 32, "\(before) became \(after)")
            #expect(after.descriptors == before.descriptors && after.zombies == 0)
            // Of twelve that crash, some may be on their way at the very moment.
            #expect(after.groups <= before.groups + 2, "\(before) became \(after)")
            #expect(try await gateway.workers()["gateway"]?["INCARNATION"] == "1")
            #expect(try await gateway.stop() == 0)
        }

        /// Asks for starts on one connection until the worker had so many incarnations.
        private static func start(_ id: String, _ path: String, until count: Int) throws {
            let socket = try Socket.unix(path)
            var decoder = BlockDecoder()
            func ask(_ block: Block) throws -> [Block] {
                try socket.write(try block.encoded())
                var blocks: [Block] = []
                while true {
                    while let block = try decoder.next() {
                        blocks.append(block)
                        if block["END"] != nil { return blocks }
                    }
                    let bytes = try socket.read(within: 60)
                    guard !bytes.isEmpty else { throw TestFailure("the control socket closed") }
                    decoder.append(bytes)
                }
            }
            while true {
                for _ in 0..<50 { _ = try ask(Block("COMMAND", ["CMD": "start", "ID": id])) }
                let row = try ask(Block("COMMAND", ["CMD": "ps"])).first { $0["ID"] == id }
                if (row?.integer("INCARNATION") ?? 0) >= Int64(count) { return }
            }
        }

        /// What a supervisor holds, once nothing is on its way any more.
        struct Held: CustomStringConvertible {
            var privateKB = 0
            var descriptors = 0
            var groups = 0
            var zombies = 0
            var description: String {
                "\(privateKB) KiB private, \(descriptors) descriptors, \(groups) groups, \(zombies) zombies"
            }

            /// Settles: between two crashes there is always a process on its way.
            init(_ supervisor: ProcessFiles, _ controlSocket: String) async throws {
                // Sockets and groups are named after the state directory.
                let name = "clawhold-\(controlSocket.split(separator: "/").suffix(2).first ?? "")"
                var last = -1
                var same = 0
                for _ in 0..<400 where same < 20 {
                    try await Task.sleep(for: .milliseconds(20))
                    let now = supervisor.descriptors.count + Self.countGroups(supervisor, name)
                    same = now == last && ProcessTable.zombies(below: supervisor.pid) == 0 ? same + 1 : 0
                    last = now
                }
                privateKB = supervisor.privateKB
                descriptors = supervisor.descriptors.count
                groups = Self.countGroups(supervisor, name)
                zombies = ProcessTable.zombies(below: supervisor.pid)
            }

            /// The workers' groups in every hierarchy, beneath the group that the supervisor is in.
            private static func countGroups(_ supervisor: ProcessFiles, _ name: String) -> Int {
                var count = 0
                for line in supervisor.text("cgroup").split(separator: "\n") {
                    let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
                    guard parts.count == 3 else { continue }
                    for hierarchy in parts[1].isEmpty ? ["unified", ""] : [String(parts[1])] {
                        let root = "/sys/fs/cgroup/\(hierarchy)\(parts[2])/\(name)"
                        let below = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
                        count += below.filter { $0.hasPrefix("sidecar_") || $0.hasPrefix("gateway") }.count
                    }
                }
                return count
            }
        }
    }
}
