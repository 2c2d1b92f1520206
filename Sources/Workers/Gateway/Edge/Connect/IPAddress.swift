/// An IP address, read without the resolver. IPv4 in IPv6's clothes (`::ffff:10.0.0.1`) is IPv4.
struct IPAddress: Sendable, Hashable {
    /// 4 or 16.
    let bytes: [UInt8]

    /// nil when `text` is not an address. A zone (`fe80::1%eth0`) is ignored.
    init?(_ text: some StringProtocol) {
        let plain = text.prefix { $0 != "%" }
        guard plain.utf8.count <= 45 else { return nil }
        if let four = Self.four(plain) {
            bytes = four
        } else if let six = Self.six(plain) {
            let mapped = six.prefix(10).allSatisfy { $0 == 0 } && six[10] == 0xFF && six[11] == 0xFF
            bytes = mapped ? Array(six[12...]) : six
        } else {
            return nil
        }
    }

    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// Loopback, private (RFC 1918, RFC 4193), link-local or carrier-grade (RFC 6598): not reachable from the internet
    /// at large. A proxy in front of us has such an address.
    var isPrivate: Bool {
        if isLoopback { return true }
        guard bytes.count == 4 else {
            return bytes[0] & 0xFE == 0xFC || (bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80)
        }
        return switch bytes[0] {
        case 10: true
        case 172: bytes[1] & 0xF0 == 16
        case 192: bytes[1] == 168
        case 169: bytes[1] == 254
        case 100: bytes[1] & 0xC0 == 64
        default: false
        }
    }

    /// True when the address lies in `block`: `10.0.0.0/8`, or a single address.
    func isIn(_ block: String) -> Bool {
        let parts = block.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = parts.first.flatMap({ IPAddress($0) }), base.bytes.count == bytes.count else { return false }
        let all = bytes.count * 8
        guard let length = parts.count == 2 ? Int(parts[1]) : all, (0...all).contains(length) else { return false }
        let whole = length / 8
        guard bytes.prefix(whole) == base.bytes.prefix(whole) else { return false }
        let rest = length % 8
        guard rest > 0 else { return true }
        return (bytes[whole] ^ base.bytes[whole]) >> (8 - rest) == 0
    }

    private static func four(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.utf8.count <= 3, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func six(_ text: some StringProtocol) -> [UInt8]? {
        var halves: [[UInt8]] = [[]]
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (3...9).contains(parts.count) else { return nil }
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // "::" gives one empty part inside, two at an end ("::1", "1::").
                let atEnd = index == 0 || index == parts.count - 1
                if atEnd, parts[index == 0 ? 1 : index - 1].isEmpty { continue }
                guard !atEnd, halves.count == 1 else { return nil }
                halves.append([])
            } else if index == parts.count - 1, let four = four(part) {
                halves[halves.count - 1].append(contentsOf: four)
            } else {
                guard part.utf8.count <= 4, part.utf8.allSatisfy({ isHexadecimal($0) }),
                    let number = UInt16(part, radix: 16)
                else { return nil }
                halves[halves.count - 1].append(UInt8(number >> 8))
                halves[halves.count - 1].append(UInt8(number & 0xFF))
            }
        }
        if halves.count == 1 { return halves[0].count == 16 ? halves[0] : nil }
        let missing = 16 - halves[0].count - halves[1].count
        guard missing > 0 else { return nil }
        return halves[0] + [UInt8](repeating: 0, count: missing) + halves[1]
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }
}
