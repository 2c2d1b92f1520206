internal import CLinux
internal import IPCControl
internal import Synchronization

/// Probes under way. A nonce is random and answered once, with what only this process can compute: whoever answers it is
/// this door, and whatever the edge does it did reach us.
final class Nonces: Sendable {
    /// Probes at the same time; there are as many as routes.
    static let limit = 64
    private let key: [UInt8]
    private let open = Mutex<Set<String>>([])

    init() { key = Self.random(32) }

    /// A new one and the answer it will get; nil while too many are under way.
    func make() -> (nonce: String, answer: String)? {
        let nonce = Hex.encode(Self.random(16))
        let isTaken = open.withLock { open in
            guard open.count < Self.limit else { return false }
            open.insert(nonce)
            return true
        }
        return isTaken ? (nonce, answer(nonce)) : nil
    }

    /// The answer to one that is under way; nil otherwise. Only the first to ask gets it.
    func take(_ nonce: String) -> String? {
        open.withLock { $0.remove(nonce) } == nil ? nil : answer(nonce)
    }

    /// Its probe is over.
    func forget(_ nonce: String) { open.withLock { _ = $0.remove(nonce) } }

    private func answer(_ nonce: String) -> String { Hex.encode(SHA256.hmac(key: key, message: nonce.utf8)) }

    private static func random(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // Never fails once the kernel has started up; what would be left then is the language's own generator.
        if clinux_getrandom(&bytes, count) < 0 {
            var generator = SystemRandomNumberGenerator()
            for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max, using: &generator) }
        }
        return bytes
    }
}
