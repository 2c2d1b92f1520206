internal import AsyncHTTPClient
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// What became of a request that ended in an error instead of an answer. The delivery contract hangs on it: what was
/// never sent is sent again, everything else is in doubt.
package struct LostRequest: Sendable {
    /// True when the other side cannot have got the whole request. In doubt it may have.
    package let isUnsent: Bool
    /// The error in words, without the token and without line breaks, at most 300 characters.
    package let words: String

    /// - Parameter token: the bot's token, which may stand in an address and thus in an error.
    package init(_ error: any Error, token: String) {
        words = Self.redacted(String(describing: error), token: token)
        isUnsent = Self.isUnsent(error, words)
    }

    private static func isUnsent(_ error: any Error, _ words: String) -> Bool {
        if error is NIOConnectionError || error is CancellationError { return true }
        // What a connect to an address without a name fails with. Unreachable hosts also end open connections: in doubt.
        if let error = error as? IOError { return [ECONNREFUSED, EADDRNOTAVAIL].contains(error.errnoCode) }
        switch error as? HTTPClientError {
        case .connectTimeout?, .tlsHandshakeTimeout?, .getConnectionFromPoolTimeout?, .invalidURL?, .emptyHost?,
            .bodyLengthMismatch?:
            return true
        default: break
        }
        // A failed handshake sent no request; its type belongs to a module that only the HTTP client uses.
        return String(reflecting: type(of: error)).hasPrefix("NIOSSL") && words.hasPrefix("handshakeFailed")
    }

    /// `text` without the token and without line breaks, at most 300 characters.
    package static func redacted(_ text: String, token: String) -> String {
        // Before it is cut: half a token would not be found.
        let whole =
            token.isEmpty
            ? text : text.split(separator: token, omittingEmptySubsequences: false).joined(separator: "<token>")
        return String(whole.map { $0.isNewline ? " " : $0 }.prefix(300))
    }
}
