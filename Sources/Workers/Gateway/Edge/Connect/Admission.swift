/// The checks of `connect` in their order (spec/gateway-protocol.md 1.5): schema, protocol, role, origin, secret.
struct Admission: Sendable {
    /// The protocols we speak; a client's range must hold one of them.
    static let protocols: ClosedRange<Int64> = 3...4

    let secret: SharedSecret
    let allowedOrigins: [String]
    let trustedProxies: [String]
    /// Owner of the state directory; this user and root need no secret on our Unix socket.
    let owner: UInt32

    init(secret: SharedSecret, allowedOrigins: [String], trustedProxies: [String], owner: UInt32) {
        self.secret = secret
        self.allowedOrigins = allowedOrigins
        self.trustedProxies = trustedProxies
        self.owner = owner
    }

    /// What a refused client is told, and how its connection ends.
    struct Refusal: Error, Sendable, Equatable {
        var error: RPCError
        var closeCode: UInt16 = 1008
        var closeReason: String
        /// A wrong or missing secret: counts for the limiter.
        var isFailedAttempt = false

        init(_ error: RPCError, closeCode: UInt16 = 1008, reason: String? = nil, isFailedAttempt: Bool = false) {
            self.error = error
            self.closeCode = closeCode
            closeReason = reason ?? error.message
            self.isFailedAttempt = isFailedAttempt
        }
    }

    /// Judges the first request of a connection. `wait` is the limiter's answer for this client.
    func admit(
        _ request: RequestFrame,
        from peer: ClientPeer,
        connectionID: String,
        wait: Duration?
    ) throws(Refusal) -> Caller {
        guard request.method == "connect" else {
            throw Refusal(.invalid("invalid handshake: first request must be connect"))
        }
        let params: ConnectParams
        do {
            params = try ConnectParams(request.params)
        } catch {
            throw Refusal(.invalid("invalid connect params: \(error.detail)"))
        }
        let highest = min(params.maxProtocol, Self.protocols.upperBound)
        guard highest >= max(params.minProtocol, Self.protocols.lowerBound) else { throw protocolMismatch() }
        guard let role = ConnectParams.Role(rawValue: params.role) else { throw Refusal(.invalid("invalid role")) }
        if params.client.isBrowser,
            !OriginPolicy.allows(peer, allowed: allowedOrigins, trustedProxies: trustedProxies)
        {
            throw Refusal(.invalid(OriginPolicy.refusal, details: ["code": "CONTROL_UI_ORIGIN_NOT_ALLOWED"]))
        }
        var caller = Caller(
            connectionID: connectionID,
            client: params.client,
            role: role,
            scopes: params.scopes,
            wantsToolEvents: params.caps.contains("tool-events"),
            protocolVersion: highest,
            remoteAddress: peer.isLocal(trustedProxies: trustedProxies)
                ? "" : peer.clientAddress(trustedProxies: trustedProxies)
        )
        switch peer.socket {
        case .address: break
        case .user(let uid):
            guard isOwner(uid) else { throw notTheOwner() }
            caller.scopes = Scope.allCases.map(\.rawValue)
            return caller
        case .worker: throw ownTree()
        }
        try checkSecret(params, wait: wait)
        // Who knows the secret is the owner; clients from before scopes existed send none.
        if role == .operator, caller.scopes.isEmpty { caller.scopes = [Scope.admin.rawValue] }
        return caller
    }

    /// Root and the owner of the state directory on our Unix socket: they could read the secret anyway.
    private func isOwner(_ uid: UInt32?) -> Bool { uid == 0 || uid == owner }

    private func notTheOwner() -> Refusal {
        let words =
            "this socket answers root and uid \(owner), the owner of the state directory: type it as one of them"
        return Refusal(.invalid("unauthorized: \(words)", details: ["code": "PEER_NOT_OWNER"]), reason: "unauthorized")
    }

    private func ownTree() -> Refusal {
        let words = "this socket answers people, not the gateway's own processes (and needs /proc to tell them apart)"
        return Refusal(.invalid("unauthorized: \(words)", details: ["code": "PEER_IS_WORKER"]), reason: "unauthorized")
    }

    private func checkSecret(_ params: ConnectParams, wait: Duration?) throws(Refusal) {
        if let wait {
            throw Refusal(
                RPCError(
                    .invalidRequest,
                    "unauthorized: too many failed authentication attempts (retry later)",
                    details: ["code": "AUTH_RATE_LIMITED", "recommendedNextStep": "wait_then_retry"],
                    retryable: true,
                    retryAfterMilliseconds: wait.wholeMilliseconds
                )
            )
        }
        do {
            try secret.check(token: params.token, password: params.password)
        } catch {
            throw Refusal(secret.error(for: error, client: params.client), isFailedAttempt: error == .mismatch)
        }
    }

    private func protocolMismatch() -> Refusal {
        Refusal(
            .invalid(
                "protocol mismatch",
                details: ["code": "PROTOCOL_MISMATCH", "expectedProtocol": .integer(Self.protocols.lowerBound)]
            ),
            closeCode: 1002
        )
    }
}

extension Duration {
    /// Whole milliseconds, cut to what fits.
    var wholeMilliseconds: Int64 {
        let parts = components
        let (whole, overflow) = parts.seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (parts.seconds < 0 ? .min : .max) : whole &+ parts.attoseconds / 1_000_000_000_000_000
    }
}
