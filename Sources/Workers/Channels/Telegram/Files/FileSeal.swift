internal import IPCControl

/// Makes the `ref` of a file: Telegram's file id and a seal, so that only ids are fetched that this bot was sent.
///
/// The seal is HMAC-SHA256 of the id under the bot's token: it outlives the worker, which keeps nothing.
struct FileSeal: Sendable {
    private let key: [UInt8]
    private static let tagBytes = 16
    /// Telegram's file ids have about 90 characters.
    private static let idBytes = 512

    init(token: String) { key = Array("clawhold file \(token)".utf8) }

    func ref(_ id: String) -> [UInt8] { tag(Array(id.utf8)) + Array(id.utf8) }

    /// The file id in `ref`; nil when it was not made here.
    func id(in ref: [UInt8]) -> String? {
        let id = Array(ref.dropFirst(Self.tagBytes))
        guard !id.isEmpty, id.count <= Self.idBytes else { return nil }
        return SecretText.isSame(Array(ref.prefix(Self.tagBytes)), tag(id)) ? String(decoding: id, as: UTF8.self) : nil
    }

    private func tag(_ id: [UInt8]) -> [UInt8] { Array(SHA256.hmac(key: key, message: id).prefix(Self.tagBytes)) }
}

/// Comparing what must not be guessed byte by byte.
enum SecretText {
    /// Takes as long for equal as for different bytes of the same number.
    static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
