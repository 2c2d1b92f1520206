/// The fields of a form (`application/x-www-form-urlencoded`, WHATWG URL 5.1) or of an address's query, in their order.
struct FormFields: Sendable, Equatable {
    /// More fields make it no form of a telephone call.
    static let limit = 256

    struct Field: Sendable, Equatable {
        var name: [UInt8]
        var value: [UInt8]
    }

    private(set) var fields: [Field] = []

    /// Nil on a percent sign without two digits and on too many fields. The caller bounds the bytes.
    init?(parsing bytes: [UInt8]) {
        for part in bytes.split(separator: UInt8(ascii: "&")) {
            guard fields.count < Self.limit else { return nil }
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(halves[0]),
                let value = halves.count == 2 ? Self.decoded(halves[1]) : []
            else { return nil }
            fields.append(Field(name: name, value: value))
        }
    }

    /// The first value of a name; nil when it is none, or no UTF-8.
    subscript(name: String) -> String? {
        let name = Array(name.utf8)
        return fields.first { $0.name == name }.flatMap { String(validating: $0.value, as: UTF8.self) }
    }

    /// What Twilio signs of a form: names in the order of their bytes with their values behind them, of equal names every
    /// value once, in order.
    var signed: [UInt8] {
        var seen: [Field] = []
        let ordered = fields.sorted { left, right in
            left.name == right.name
                ? left.value.lexicographicallyPrecedes(right.value) : left.name.lexicographicallyPrecedes(right.name)
        }
        for field in ordered where seen.last != field { seen.append(field) }
        return seen.flatMap { $0.name + $0.value }
    }

    private static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// A text as a value of a form or a query: all but letters, digits and `-._~` is percent-encoded.
    static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes.append(contentsOf: "%\(Digests.hex([byte]).uppercased())".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A form's body.
    static func body(_ fields: [(String, String)]) -> [UInt8] {
        Array(fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&").utf8)
    }
}
