/// Cuts a byte stream into blocks. Holds at most one block's bytes beyond what it was given last.
package struct BlockDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where the next line of the unfinished block begins, from `start`.
    private var lineStart = 0
    /// How far the search for LF has come, from `start`.
    private var searched = 0

    package init() {}

    /// Whether a part of a block is waiting for the rest: at the end of the stream, it was cut.
    package var isMidBlock: Bool { start < buffer.count }

    /// What was not decoded yet, for a reader that goes on from here.
    package var pending: ArraySlice<UInt8> { buffer[start...] }

    package mutating func append(_ bytes: some Sequence<UInt8>) {
        buffer.append(contentsOf: bytes)
    }

    /// The next whole block, or nil until more bytes come. After a throw the stream is of no further use.
    package mutating func next() throws(BlockError) -> Block? {
        while start + searched < buffer.count {
            let position = start + searched
            guard buffer[position] == UInt8(ascii: "\n") else {
                searched += 1
                if searched - lineStart > Block.lineLimit { throw .lineTooLong }
                if searched >= Block.sizeLimit { throw .blockTooLong }
                continue
            }
            searched += 1
            guard searched <= Block.sizeLimit else { throw .blockTooLong }
            let isEmptyLine = searched - lineStart == 1
            lineStart = searched
            if isEmptyLine {
                let end = start + searched
                let block = try Self.parse(buffer[start..<end])
                start = end
                searched = 0
                lineStart = 0
                compact()
                return block
            }
        }
        return nil
    }

    private mutating func compact() {
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= Block.sizeLimit)
            start = 0
        } else if start > Block.sizeLimit {
            buffer.removeFirst(start)
            start = 0
        }
    }

    /// `bytes` ends with an empty line.
    private static func parse(_ bytes: ArraySlice<UInt8>) throws(BlockError) -> Block {
        var block: Block?
        for line in bytes.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { throw .malformedKey }
            guard Block.isKey(line[..<equals]) else { throw .malformedKey }
            let key = String(decoding: line[..<equals], as: UTF8.self)
            let value = try decode(line[line.index(after: equals)...])
            if block == nil {
                guard key == "TYPE" else { throw .missingType }
                block = Block(value)
            } else {
                guard key != "TYPE", block?[key] == nil else { throw .duplicateKey }
                block?[key] = value
            }
        }
        guard let block else { throw .missingType }
        return block
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) throws(BlockError) -> String {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.endIndex, let high = Hex.value(bytes[index + 1]),
                    let low = Hex.value(bytes[index + 2])
                else { throw .malformedValue }
                plain.append(high << 4 | low)
                index += 3
            case 0x00, 0x0D: throw .malformedValue
            default:
                plain.append(byte)
                index += 1
            }
        }
        guard let value = String(validating: plain, as: UTF8.self) else { throw .malformedValue }
        return value
    }
}
