internal import CLinux

/// Which Clawhold this is.
package enum Build {
    /// The version people see, dotted like OpenClaw's because its clients parse it so.
    package static let version = "2026.11.1"

    /// The language of the hub: changes when builds stop understanding each other's frames. Workers that speak another
    /// one are told to leave and come back new; the others are replaced one by one.
    static let hub = "hub5"

    /// This executable and no other: `hub2-2026.11.1+0123456789ab`, the last part from the linker's hash of its content.
    package static let id = make(note: note())

    /// The id of the build with this linker note.
    package static func make(note: [UInt8]) -> String {
        note.isEmpty ? "\(hub)-\(version)" : "\(hub)-\(version)+\(Hex.encode(note.prefix(6)))"
    }

    /// Whether two builds, by their ids, can talk over the hub.
    package static func canTalk(_ one: String, _ other: String) -> Bool {
        one.prefix { $0 != "-" } == other.prefix { $0 != "-" }
    }

    private static func note() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 20)
        let length = clinux_build_id(&bytes, bytes.count)
        return Array(bytes.prefix(Int(max(0, length))))
    }
}
