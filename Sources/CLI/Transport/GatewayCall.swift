internal import Glibc
internal import IPCControl
internal import Runtime

/// One call of a method of the gateway (`docs/rpc.md`), over its Unix socket: no token, no flag.
struct GatewayCall {
    /// The socket that is dialled.
    var socket: String
    /// How long a gateway may take to come back.
    var patience = Duration.seconds(10)
    /// How long a method may take.
    var limit = Duration.seconds(30)

    /// What the gateway says no with.
    struct Refused: Error, Equatable {
        /// `INVALID_REQUEST`, `UNAVAILABLE`, …
        var code: String
        var message: String
        /// Beside the error, of methods whose failures carry one.
        var payload: JSON?
    }

    /// Says `connect`, calls the method, gives its payload.
    ///
    /// A gateway that is being replaced is waited for. One that ends in the middle of a call is asked again when
    /// `repeats` says that asking twice does no harm.
    ///
    /// Throws `Refused` when the gateway says no, `CommandFailure` when it cannot be asked.
    func call(_ method: String, _ params: JSON = [:], repeats: Bool = false) throws -> JSON {
        let deadline = ContinuousClock.now + patience
        var isAsked = false
        while true {
            do {
                let connection = try GatewaySocket(path: socket, until: deadline)
                try hello(connection, until: deadline)
                isAsked = true
                return try ask(connection, method, params)
            } catch let failure as GatewaySocket.Failure {
                let isOver = ContinuousClock.now >= deadline
                switch failure {
                case .ended where !isOver && (repeats || !isAsked):
                    // Its end is close by; the next one's start needs a moment.
                    usleep(100_000)
                default: throw Self.words(failure, socket, isAsked: isAsked)
                }
            }
        }
    }

    private static func words(_ failure: GatewaySocket.Failure, _ socket: String, isAsked: Bool) -> CommandFailure {
        switch failure {
        case .refused(let code) where code == EACCES || code == EPERM:
            CommandFailure(
                text:
                    "The gateway's socket \(socket) belongs to another user. Type the same with sudo, or as that user."
            )
        case .refused(let code) where code == ENOENT || code == ECONNREFUSED:
            CommandFailure(text: "Nothing listens on \(socket) any more. Look with:  clawhold status")
        case .refused(let code):
            CommandFailure(text: "\(socket): \(String(cString: strerror(code)))")
        case .late where isAsked:
            CommandFailure(text: "The gateway took the command and does not answer. Look with:  clawhold ps")
        case .late:
            CommandFailure(
                text: "The gateway does not answer; the supervisor keeps its socket open. "
                    + "See why:  clawhold ps  and  clawhold logs gateway"
            )
        case .ended where isAsked:
            CommandFailure(
                text: "The gateway ended while it worked on this; whether it was done is not known. "
                    + "Look before you type it again:  clawhold status"
            )
        case .ended(let reason):
            CommandFailure(
                text: "The gateway keeps ending\(reason.isEmpty ? "" : " (\(reason))"). See why:  clawhold logs gateway"
            )
        case .malformed(let text):
            CommandFailure(text: "What answers on \(socket) is not this gateway: \(text)")
        }
    }

    /// The same for methods that take longer.
    func withLimit(_ limit: Duration) -> GatewayCall {
        var call = self
        call.limit = limit
        return call
    }

    // MARK: The protocol

    private func hello(_ connection: GatewaySocket, until deadline: GatewaySocket.Deadline) throws {
        let client: JSON = [
            "id": "cli", "mode": "cli", "version": .string(Build.version), "platform": "linux",
        ]
        let params: JSON = [
            "minProtocol": 3, "maxProtocol": 4, "client": client, "role": "operator", "scopes": ["operator.admin"],
        ]
        _ = try exchange(connection, "connect", params, until: deadline)
    }

    private func ask(_ connection: GatewaySocket, _ method: String, _ params: JSON) throws -> JSON {
        try exchange(connection, method, params, until: .now + limit)
    }

    private func exchange(
        _ connection: GatewaySocket,
        _ method: String,
        _ params: JSON,
        until deadline: GatewaySocket.Deadline
    ) throws -> JSON {
        let request: JSON = ["type": "req", "id": .string(method), "method": .string(method), "params": params]
        try connection.send(text: request.encoded(), until: deadline)
        while true {
            let bytes = try connection.message(until: deadline)
            guard let frame = try? JSON(parsing: bytes) else {
                throw GatewaySocket.Failure.malformed("a message that is no JSON")
            }
            // Events are for those who stay.
            guard frame["type"]?.string == "res", frame["id"]?.string == method else { continue }
            guard frame["ok"]?.bool == true else {
                throw Refused(
                    code: frame["error"]?["code"]?.string ?? "",
                    message: frame["error"]?["message"]?.string ?? "the gateway says no",
                    payload: frame["payload"]
                )
            }
            return frame["payload"] ?? [:]
        }
    }
}
