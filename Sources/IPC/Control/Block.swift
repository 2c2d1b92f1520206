/// One unit of talk with the supervisor: a type and named values.
///
/// On the wire `KEY=VALUE` lines ended by LF and an empty line, `TYPE` first, values percent-encoding `%`, CR, LF and
/// NUL (`docs/ipc.md` section 1). Made so that a process which runs as root needs no parser worth attacking.
package struct Block: Sendable, Equatable {
    /// Longest encoded line in bytes, LF excluded.
    package static let lineLimit = 32 * 1024
    /// Longest encoded block in bytes, the empty line included.
    package static let sizeLimit = 64 * 1024

    package private(set) var fields: [Field]
    package var type: String

    /// A value under its key.
    package struct Field: Sendable, Equatable {
        package var key: String
        package var value: String
    }

    package init(_ type: String, _ fields: KeyValuePairs<String, String> = [:]) {
        self.type = type
        self.fields = []
        for (key, value) in fields { self[key] = value }
    }

    /// The value of `key`; setting nil removes it. `TYPE` is not reached this way.
    package subscript(key: String) -> String? {
        get { fields.first { $0.key == key }?.value }
        set {
            let index = fields.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): fields[index].value = value
            case (let index?, nil): fields.remove(at: index)
            case (nil, let value?): fields.append(Field(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The value of `key` as a decimal number; nil when it is absent or anything else.
    package func integer(_ key: String) -> Int64? {
        self[key].flatMap { Int64($0) }
    }

    /// The wire form.
    ///
    /// Throws when a key is not `[A-Z][A-Z0-9_]*` or a bound would be exceeded: the caller's mistake, found before it
    /// costs the reader the connection.
    package func encoded() throws(BlockError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        try Self.append("TYPE", type, to: &bytes)
        for field in fields {
            guard field.key != "TYPE" else { throw .malformedKey }
            try Self.append(field.key, field.value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\n"))
        guard bytes.count <= Self.sizeLimit else { throw .blockTooLong }
        return bytes
    }

    private static func append(_ key: String, _ value: String, to bytes: inout [UInt8]) throws(BlockError) {
        guard isKey(key.utf8) else { throw .malformedKey }
        let start = bytes.count
        bytes.append(contentsOf: key.utf8)
        bytes.append(UInt8(ascii: "="))
        for byte in value.utf8 {
            switch byte {
            case 0x00, 0x0A, 0x0D, 0x25:
                bytes.append(0x25)
                bytes.append(contentsOf: Hex.pair(byte))
            default: bytes.append(byte)
            }
        }
        guard bytes.count - start <= lineLimit else { throw .lineTooLong }
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Whether `bytes` may stand before the equals sign.
    static func isKey(_ bytes: some Sequence<UInt8>) -> Bool {
        var isFirst = true
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): break
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): if isFirst { return false }
            default: return false
            }
            isFirst = false
        }
        return !isFirst
    }
}

/// Why bytes are not a block. The connection they came on is of no further use.
package enum BlockError: Error, Sendable, Equatable, CustomStringConvertible {
    case lineTooLong
    case blockTooLong
    case malformedKey
    case malformedValue
    case missingType
    case duplicateKey

    package var description: String {
        switch self {
        case .lineTooLong: "a line is longer than \(Block.lineLimit) bytes"
        case .blockTooLong: "a block is longer than \(Block.sizeLimit) bytes"
        case .malformedKey: "a line does not begin with KEY="
        case .malformedValue: "a value is not percent-encoded UTF-8"
        case .missingType: "a block does not begin with TYPE"
        case .duplicateKey: "a key stands twice in a block"
        }
    }
}
