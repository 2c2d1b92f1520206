internal import IPCControl

/// Takes known secrets out of log lines, in the one place that every line passes.
package struct Redactor: Sendable {
    /// A shorter value would cut ordinary words to pieces.
    package static let shortest = 8
    static let mark = Array("[redacted]".utf8)

    /// Longest first: a secret that contains another goes as a whole.
    private var secrets: [[UInt8]] = []
    /// Which bytes a secret can begin with.
    private var firsts: [Bool] = []

    package init() {}

    /// Replaces what is known. Values are matched as they are and percent-encoded, as they stand in URLs.
    package init(secrets values: some Sequence<String>) {
        var unique: Set<[UInt8]> = []
        for value in values where value.utf8.count >= Self.shortest {
            unique.insert(Array(value.utf8))
            unique.insert(Self.percentEncoded(value))
        }
        secrets = unique.sorted { $0.count > $1.count }
        firsts = [Bool](repeating: false, count: secrets.isEmpty ? 0 : 256)
        for secret in secrets { if let first = secret.first { firsts[Int(first)] = true } }
    }

    /// The line without its secrets. Of a line whose end was cut off, as much is dropped as could be the beginning of
    /// a secret.
    package func clean(_ bytes: [UInt8], isCut: Bool = false) -> [UInt8] {
        guard !secrets.isEmpty else { return bytes }
        var result: [UInt8] = []
        var index = 0
        var kept = 0
        while index < bytes.count {
            guard firsts[Int(bytes[index])], let length = match(bytes, at: index, isCut: isCut) else {
                index += 1
                continue
            }
            result.append(contentsOf: bytes[kept..<index])
            result.append(contentsOf: Self.mark)
            index = min(index + length, bytes.count)
            kept = index
        }
        guard kept > 0 else { return bytes }
        result.append(contentsOf: bytes[kept...])
        return result
    }

    package func clean(_ text: String) -> String {
        secrets.isEmpty ? text : String(decoding: clean(Array(text.utf8)), as: UTF8.self)
    }

    private func match(_ bytes: [UInt8], at index: Int, isCut: Bool) -> Int? {
        for secret in secrets {
            let rest = bytes.count - index
            if rest >= secret.count {
                if bytes[index..<(index + secret.count)].elementsEqual(secret) { return secret.count }
            } else if isCut, bytes[index...].elementsEqual(secret.prefix(rest)) {
                return rest
            }
        }
        return nil
    }

    private static func percentEncoded(_ value: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += Array("%\(Hex.encode([byte]).uppercased())".utf8)
            }
        }
        return bytes
    }
}
