internal import CNIOBoringSSL
internal import IPCControl

/// What providers sign with, from the BoringSSL that TLS has linked already (decision 0210).
enum Digests {
    /// HMAC-SHA1 (RFC 2104), 20 bytes.
    static func hmacSHA1(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: 20)
        var length: UInt32 = 0
        // Nil on no memory alone; what was not written then is no signature of anything.
        guard
            HMAC(
                EVP_sha1(),
                key,
                key.count,
                message,
                message.count,
                &output,
                &length
            ) != nil,
            length == 20
        else { return [] }
        return output
    }

    /// Whether `signature` is the owner's of `key`, over `message` (RFC 8032, Ed25519).
    static func isEd25519(_ signature: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
        guard signature.count == 64, key.count == 32 else { return false }
        return ED25519_verify(message, message.count, signature, key) == 1
    }

    /// Whether both are the same text. Both sides are brought to one length first, so time says nothing about either.
    static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        SHA256.isEqual(SHA256.hash(left), SHA256.hash(right))
    }

    /// Small hexadecimal digits.
    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
