/// Where this process's own control groups are, read from /proc/self/mountinfo and /proc/self/cgroup.
///
/// Names are not trusted: each place is a candidate that is then tried by doing.
package struct CgroupLayout: Hashable, Sendable {
    /// Directories of the v1 memory hierarchy to try, best first; empty when there is none.
    package var memoryV1: [String]
    /// The same in the v2 tree (the whole machine's, or the `unified` one of a hybrid layout).
    package var unified: [String]
    /// The same in the v1 hierarchy that counts tasks.
    package var pidsV1: [String]

    package init(memoryV1: [String], unified: [String], pidsV1: [String] = []) {
        self.memoryV1 = memoryV1
        self.unified = unified
        self.pidsV1 = pidsV1
    }

    /// Of this process.
    package static func current() -> CgroupLayout {
        let mounts = (try? SystemFile.text("/proc/self/mountinfo", limit: 512 * 1024)) ?? ""
        let groups = (try? SystemFile.text("/proc/self/cgroup")) ?? ""
        var layout = CgroupLayout(mountinfo: mounts, cgroup: groups)
        layout.memoryV1 = existing(layout.memoryV1)
        layout.unified = existing(layout.unified)
        layout.pidsV1 = existing(layout.pidsV1)
        return layout
    }

    /// Without a mount whose part that is ours exists: up there the limits around us would not hold for the workers.
    private static func existing(_ places: [String]) -> [String] {
        places.filter { place in
            !places.contains { $0 != place && $0.hasPrefix(place + "/") && CgroupDirectory($0).exists }
        }
    }

    /// From the texts of the two files.
    package init(mountinfo: String, cgroup: String) {
        var memoryPath = "/"
        var pidsPath = "/"
        var unifiedPath = "/"
        for line in cgroup.split(separator: "\n") {
            // `4:memory:/path`, `0::/path`; the path may hold colons.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0", parts[1].isEmpty { unifiedPath = Self.aboveLeaf(String(parts[2])) }
            let controllers = parts[1].split(separator: ",")
            if controllers.contains("memory") { memoryPath = String(parts[2]) }
            if controllers.contains("pids") { pidsPath = String(parts[2]) }
        }
        self.init(memoryV1: [], unified: [])
        for line in mountinfo.split(separator: "\n") {
            // id parent major:minor root mountpoint options [optional…] - fstype source superoptions
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { continue }
            let mount = Self.unescaped(fields[4])
            let root = Self.unescaped(fields[3])
            switch fields[dash + 1] {
            case "cgroup2": unified += Self.candidates(mount: mount, root: root, path: unifiedPath)
            case "cgroup":
                let controllers = fields[dash + 3].split(separator: ",")
                if controllers.contains("memory") {
                    memoryV1 += Self.candidates(mount: mount, root: root, path: memoryPath)
                }
                if controllers.contains("pids") {
                    pidsV1 += Self.candidates(mount: mount, root: root, path: pidsPath)
                }
            default: break
            }
        }
    }

    /// A supervisor that was killed leaves the processes around it in the leaf that it had moved them to; a start from
    /// there (a shell in a container that tries again) belongs to the group above, see `UnifiedClaim`.
    private static func aboveLeaf(_ path: String) -> String {
        let parts = path.split(separator: "/")
        guard parts.count >= 2, parts[parts.count - 1] == UnifiedClaim.leafName,
            parts[parts.count - 2].hasPrefix(MemoryLadder.namePrefix)
        else { return path }
        return "/" + parts.dropLast(2).joined(separator: "/")
    }

    /// The path is relative to the hierarchy's root, the mount may show only a part of it, and in a container without
    /// a cgroup namespace the path does not exist beneath the mount at all: then the mount itself is our group.
    private static func candidates(mount: String, root: String, path: String) -> [String] {
        var relative = path
        if root != "/", relative == root || relative.hasPrefix(root + "/") { relative.removeFirst(root.count) }
        if relative.split(separator: "/").contains("..") { relative = "" }
        while relative.hasSuffix("/") { relative.removeLast() }
        return relative.isEmpty ? [mount] : [mount + relative, mount]
    }

    /// mountinfo writes blanks and backslashes in octal.
    private static func unescaped(_ field: Substring) -> String {
        guard field.contains("\\") else { return String(field) }
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
