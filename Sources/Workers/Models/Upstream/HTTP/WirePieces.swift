internal import NIOCore

/// A request's body in pieces, each handed to the connection when it takes more.
struct WirePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// Longest piece that is handed over at once.
    static let size = 64 * 1024

    let pieces: [ArraySlice<UInt8>]

    func makeAsyncIterator() -> Iterator { Iterator(rest: pieces[...]) }

    struct Iterator: AsyncIteratorProtocol {
        var rest: ArraySlice<ArraySlice<UInt8>>
        var current: ArraySlice<UInt8> = []

        mutating func next() async -> ByteBuffer? {
            while current.isEmpty {
                guard let piece = rest.popFirst() else { return nil }
                current = piece
            }
            let part = current.prefix(WirePieces.size)
            current = current.dropFirst(part.count)
            return ByteBuffer(bytes: part)
        }
    }
}
