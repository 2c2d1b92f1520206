/// Where this process runs, as far as files and variables tell.
package enum Surroundings: Sendable, Equatable {
    /// A machine of Fly.io, with the application's name.
    case fly(app: String)
    case container
    case machine

    /// Looks at what Fly's init, Docker, Podman, Kubernetes, Render and systemd-nspawn leave for that purpose.
    package static func detect(environment: Environment, files: some FileReading) -> Surroundings {
        if let app = environment.flyApp { return .fly(app: app) }
        let variables = ["container", "KUBERNETES_SERVICE_HOST", "RENDER", "RAILWAY_ENVIRONMENT", "FLY_APP_NAME"]
        if variables.contains(where: { environment[$0] != nil }) { return .container }
        return files.exists("/.dockerenv") || files.exists("/run/.containerenv") ? .container : .machine
    }

    /// Whether what is written outside of a mounted volume is gone after the next start.
    package var forgets: Bool { self != .machine }
}

extension Environment {
    /// `FLY_APP_NAME`, when it can be a part of a host name.
    package var flyApp: String? {
        guard let name = self["FLY_APP_NAME"], name.utf8.count <= 63 else { return nil }
        let isName = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
        }
        return isName ? name : nil
    }
}

/// The mounts of this process, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
package struct MountTable: Sendable, Equatable {
    package struct Mount: Sendable, Equatable {
        /// Absolute.
        package var point: String
        /// `ext4`, `overlay`, `tmpfs`, …
        package var type: String
    }

    package static let path = "/proc/self/mountinfo"
    /// Bytes of it that are read.
    package static let limit = 1 << 20

    /// In the order of mounting.
    package private(set) var mounts: [Mount] = []

    /// Lines that are none are passed over.
    package init(_ bytes: [UInt8]) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " "))
            // Optional fields end with a lone dash; the type follows.
            guard fields.count > 6, let dash = fields[6...].firstIndex(where: { $0.elementsEqual([0x2D]) }),
                dash + 1 < fields.count
            else { continue }
            let point = Self.unescaped(Array(fields[4]))
            guard point.hasPrefix("/") else { continue }
            mounts.append(Mount(point: point, type: String(decoding: fields[dash + 1], as: UTF8.self)))
        }
    }

    /// The mount that an absolute path is on: the longest mount point above it, the last of equal ones.
    package func mount(of path: String) -> Mount? {
        var best: Mount?
        for mount in mounts {
            let isAbove = mount.point == "/" || path == mount.point || path.hasPrefix(mount.point + "/")
            if isAbove, mount.point.utf8.count >= best?.point.utf8.count ?? 0 { best = mount }
        }
        return best
    }

    /// Whether what is written there outlives a container: a mount of its own that is neither memory nor the image.
    package func keeps(_ path: String) -> Bool {
        guard let mount = mount(of: path) else { return true }
        return mount.point != "/" && !["overlay", "ramfs", "tmpfs"].contains(mount.type)
    }

    /// Blanks and the like stand as a backslash and three octal digits.
    private static func unescaped(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let digits = bytes.dropFirst(index + 1).prefix(3)
            if bytes[index] == UInt8(ascii: "\\"), digits.count == 3,
                digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
            {
                result.append(digits.reduce(UInt8(0)) { ($0 &<< 3) | ($1 & 7) })
                index += 4
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
