import CZlib
import TestSupport
import Testing

@testable import Discord

@Suite("The compressed stream")
struct InflateStreamTests {
    /// Compresses as Discord does: one stream, every message ends with a sync flush.
    private final class Deflater {
        private let stream: UnsafeMutablePointer<z_stream>

        init() {
            stream = .allocate(capacity: 1)
            stream.initialize(to: z_stream())
            deflateInit_(stream, 6, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        }

        deinit {
            deflateEnd(stream)
            stream.deallocate()
        }

        func message(_ text: [UInt8]) -> [UInt8] {
            var input = text
            var output = [UInt8](repeating: 0, count: text.count + 1024)
            return input.withUnsafeMutableBufferPointer { source in
                stream.pointee.next_in = source.baseAddress
                stream.pointee.avail_in = UInt32(source.count)
                let count = output.withUnsafeMutableBufferPointer { target in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(target.count)
                    deflate(stream, Z_SYNC_FLUSH)
                    return target.count - Int(stream.pointee.avail_out)
                }
                return Array(output[..<count])
            }
        }
    }

    @Test("many messages of one stream come out as they went in, in pieces of any size")
    func roundTrip() throws {
        let deflater = Deflater()
        let inflater = try InflateStream()
        for number in 0..<200 {
            let text = Array(
                "{\"op\":0,\"s\":\(number),\"d\":\"\(String(repeating: "wörter ", count: number * 13))\"}".utf8
            )
            let bytes = deflater.message(text)
            let middle = bytes.count / 2
            #expect(try inflater.take(Array(bytes[..<middle])) == nil)
            #expect(try inflater.take(Array(bytes[middle...])) == text)
        }
    }

    @Test("a message that inflates without end is refused at the bound, not gathered")
    func bomb() throws {
        let bytes = Deflater().message([UInt8](repeating: 0x20, count: 4 << 20))
        #expect(bytes.count < 16 << 10)
        let inflater = try InflateStream(limit: 100_000)
        #expect(throws: InflateStream.Failure.tooLarge(limit: 100_000)) { try inflater.take(bytes) }
        let exact = try InflateStream(limit: 4 << 20)
        #expect(try exact.take(bytes)?.count == 4 << 20)
    }

    @Test("damage is an error in words, never a trap")
    func damage() throws {
        let good = Deflater().message(Array("{\"op\":10}".utf8))
        var generator = SplitMix(seed: 5)
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let inflater = try InflateStream(limit: 1000)
            _ = try? inflater.take(bytes)
        }
        let inflater = try InflateStream()
        #expect(throws: InflateStream.Failure.self) { try inflater.take([1, 2, 3, 4, 0, 0, 0xFF, 0xFF]) }
    }
}
