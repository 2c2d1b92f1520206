import AsyncHTTPClient
import ChannelHTTP
import Glibc
import NIOCore
import Testing

@Suite("A request without an answer")
struct LostRequestTests {
    private struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    @Test("what never left is told from what may have arrived")
    func fate() {
        let unsent: [any Error] = [
            IOError(errnoCode: ECONNREFUSED, reason: "connect"), IOError(errnoCode: EADDRNOTAVAIL, reason: "connect"),
            HTTPClientError.connectTimeout, HTTPClientError.tlsHandshakeTimeout,
            HTTPClientError.getConnectionFromPoolTimeout, HTTPClientError.bodyLengthMismatch, CancellationError(),
        ]
        for error in unsent { #expect(LostRequest(error, token: "t").isUnsent, "\(error)") }
        let doubtful: [any Error] = [
            IOError(errnoCode: ECONNRESET, reason: "read"), IOError(errnoCode: EHOSTUNREACH, reason: "read"),
            HTTPClientError.remoteConnectionClosed, HTTPClientError.readTimeout, HTTPClientError.deadlineExceeded,
            Broken(description: "handshakeFailed, says somebody else"),
        ]
        for error in doubtful { #expect(!LostRequest(error, token: "t").isUnsent, "\(error)") }
    }

    @Test("the token is in no words, not even half of it at the end, and they are one short line")
    func words() {
        let token = "123456:secret-of-the-bot"
        for length in 270...300 {
            let words = LostRequest(Broken(description: String(repeating: "x", count: length) + token), token: token)
                .words
            #expect(!words.contains("1234") && words.count <= 300, "\(words)")
        }
        let lines = LostRequest(Broken(description: "a\nb\r\nc \(token) d"), token: token).words
        #expect(lines == "a b c <token> d")
        #expect(LostRequest(Broken(description: "as it is"), token: "").words == "as it is")
    }
}
