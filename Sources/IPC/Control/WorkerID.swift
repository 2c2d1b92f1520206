/// What a worker is for. The first part of its id.
package enum WorkerKind: String, Sendable, CaseIterable {
    case agent
    case channel
    case gateway
    case model
    case sidecar
    case tool
    case tunnel
}

/// The name of a worker: `gateway`, `agent:main`, `channel:telegram:default`, `model:anthropic`, `sidecar:name`.
///
/// At most 96 bytes of `[a-z0-9:._-]`, the first part a `WorkerKind`, no part empty: safe in a path, a log line and a
/// process title.
package struct WorkerID: Sendable, Hashable, LosslessStringConvertible {
    package let rawValue: String
    package let kind: WorkerKind

    /// Nil unless `rawValue` is a well-formed id.
    package init?(_ rawValue: String) {
        guard rawValue.utf8.count <= 96 else { return nil }
        let parts = rawValue.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, let kind = WorkerKind(rawValue: String(first)) else { return nil }
        guard parts.allSatisfy({ Self.isPart($0.utf8) }) else { return nil }
        guard (kind == .gateway) == (parts.count == 1) else { return nil }
        self.rawValue = rawValue
        self.kind = kind
    }

    package var description: String { rawValue }

    /// The parts after the kind: `["telegram", "default"]`.
    package var parts: [String] {
        rawValue.split(separator: ":").dropFirst().map(String.init)
    }

    private static func isPart(_ bytes: Substring.UTF8View) -> Bool {
        guard !bytes.isEmpty, bytes.first != UInt8(ascii: ".") else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}
