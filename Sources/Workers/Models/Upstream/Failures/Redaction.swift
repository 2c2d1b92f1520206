/// Takes secrets out of texts that a provider or a library wrote: a proxy may repeat what it was sent.
///
/// What we sent is taken out wherever it stands; besides it everything that looks like a key of a known vendor, which may
/// be another one's.
package struct Redaction: Sendable {
    private let secrets: [String]
    /// The key of the attempt; empty when it is too short to be told from a word.
    private let key: [UInt8]

    static let mark = "[redacted]"

    /// Beginnings of keys, and how long the rest has to be for them to be one.
    private static let beginnings = [
        "sk-", "AIza", "gho_", "ghp_", "ghu_", "github_pat_", "xai-", "gsk_", "hf_", "pplx-", "csk-", "ya29.", "eyJ",
    ]
    private static let tailLength = 12
    /// So much of the attempt's own key is taken out even if the rest of it is missing.
    private static let beginningLength = 8

    /// - Parameters:
    ///   - secrets: Shorter ones than six bytes would hide words; they are left.
    ///   - key: What the attempt proved itself with. Texts are cut before they come here, perhaps in the middle of it.
    package init(_ secrets: [String], key: String = "") {
        self.key = key.utf8.count >= Self.beginningLength ? Array(key.utf8) : []
        self.secrets = (secrets + [key]).filter { $0.utf8.count >= 6 }.sorted { $0.utf8.count > $1.utf8.count }
    }

    package func callAsFunction(_ text: String) -> String {
        var clean = text
        for secret in secrets where clean.utf8.count >= secret.utf8.count && clean.contains(secret) {
            clean = clean.replacing(secret, with: Self.mark)
        }
        return Self.withoutKeys(withoutBeginnings(clean))
    }

    private func withoutBeginnings(_ text: String) -> String {
        guard !key.isEmpty else { return text }
        let bytes = Array(text.utf8)
        let beginning = key.prefix(Self.beginningLength)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: beginning) {
                result += Array(Self.mark.utf8)
                index += zip(bytes[index...], key).prefix { $0 == $1 }.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// A key is replaced up to its end; "Bearer" counts as a beginning of its own.
    private static func withoutKeys(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let isStart = index == 0 || !isKeyByte(bytes[index - 1])
            if isStart, let end = keyEnd(bytes, from: index) {
                result += Array(mark.utf8)
                index = end
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func keyEnd(_ bytes: [UInt8], from start: Int) -> Int? {
        let rest = bytes[start...]
        if rest.starts(with: "Bearer ".utf8) || rest.starts(with: "bearer ".utf8) {
            let end = tokenEnd(bytes, from: start + 7)
            return end - (start + 7) >= 8 ? end : nil
        }
        for beginning in beginnings where rest.starts(with: beginning.utf8) {
            let end = tokenEnd(bytes, from: start + beginning.utf8.count)
            if end - start >= beginning.utf8.count + tailLength { return end }
        }
        return nil
    }

    private static func tokenEnd(_ bytes: [UInt8], from start: Int) -> Int {
        var end = start
        while end < bytes.count, isKeyByte(bytes[end]) || bytes[end] == UInt8(ascii: ".") { end += 1 }
        return end
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
