internal import AsyncHTTPClient
internal import Failover
internal import Glibc
internal import IPCHub
internal import NIOCore
internal import NIOPosix

/// What it means that the connection itself did not do.
enum TransportFailure {
    /// Before the response's head: nobody has answered.
    static func beforeHead(_ error: any Error, redaction: Redaction) -> CallFailure {
        let words = redaction("\(error)")
        var failure: CallFailure
        switch error {
        case let error as HTTPClientError where error == .connectTimeout:
            failure = CallFailure(.timeout, "no connection: nobody answered in time")
        case ChannelError.connectTimeout: failure = CallFailure(.timeout, "no connection: nobody answered in time")
        case let error as HTTPClientError where error == .remoteConnectionClosed || error == .writeTimeout:
            failure = CallFailure(.transient, "the connection was closed before the response: \(words)")
        case is HTTPClientError: failure = CallFailure(.unreachable, "no connection: \(words)")
        case is NIOConnectionError: failure = CallFailure(.unreachable, "no connection: \(words)")
        case let error as IOError where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOENT].contains(error.errnoCode):
            failure = CallFailure(.unreachable, "no connection: \(words)")
        case is IOError, is ChannelError: failure = CallFailure(.transient, "the connection broke: \(words)")
        // TLS, and whatever else keeps a connection from coming about.
        default: failure = CallFailure(.unreachable, "no connection: \(words)")
        }
        failure.scope = .provider
        return failure
    }

    /// In the middle of the answer.
    static func inBody(_ error: any Error, redaction: Redaction) -> CallFailure {
        var failure = CallFailure(.cut, "the connection broke: \(redaction("\(error)"))")
        failure.scope = .provider
        return failure
    }
}
