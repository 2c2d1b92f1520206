import FoundationEssentials
import Testing

/// Looks for any eight characters of a key where none may be.
struct KeySearch {
    private let pieces: Set<UInt64>

    init(_ providers: [TestProvider]) {
        pieces = Set(
            providers.flatMap(\.keys).flatMap { key in
                let secret = Array(key.utf8.dropFirst("sk-test-".utf8.count))
                return (0...(secret.count - 8)).map { start in
                    secret[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
                }
            }
        )
    }

    /// Log, frames of a client, every file of the state directory but the ones that hold the keys.
    func nowhere(in world: World, frames: [JSONValue]) throws {
        let state = world.gateway.state
        #expect(!found(in: Array(world.gateway.process.lines.items.joined(separator: "\n").utf8)), "a key in the log")
        #expect(!found(in: frames.flatMap(\.bytes)), "a key in a frame")
        for path in try state.paths(endingWith: "") where !path.hasSuffix("openclaw.json") {
            guard !path.hasSuffix("auth-profiles.json"), let data = try? Data(contentsOf: URL(filePath: path)) else {
                continue
            }
            #expect(!found(in: Array(data)), "a key in \(path)")
        }
    }

    private func found(in bytes: [UInt8]) -> Bool {
        // One pass over the bytes: a window of eight as a number, as the pieces are.
        var window: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            window = window << 8 | UInt64(byte)
            if index >= 7, pieces.contains(window) { return true }
        }
        return false
    }
}
