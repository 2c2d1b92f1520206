internal import Config

/// Which answer a path gets (spec/gateway-protocol.md 4.1, 4.2, 4.7). Reads the gateway's state, changes nothing.
struct HTTPRoutes: Sendable {
    let config: GatewayConfig
    let secret: SharedSecret
    let assets: StaticAssets
    /// Nothing is dispatched: `/healthz` says so. Why is for those who may know (`/readyz`).
    let isSafeMode: Bool

    init(config: GatewayConfig, secret: SharedSecret, isSafeMode: Bool = false) {
        self.isSafeMode = isSafeMode
        self.config = config
        self.secret = secret
        assets = StaticAssets(config: config)
    }

    /// What the routes need to know about now.
    struct State: Sendable {
        var workers: [WorkerRow]
        var delivery: DeliveryStatus
        var tunnels: [TunnelFacts]
        var connections: ConnectionCounts
        var isDraining: Bool
        var uptimeMilliseconds: Int64

        init(
            workers: [WorkerRow],
            delivery: DeliveryStatus,
            tunnels: [TunnelFacts] = [],
            connections: ConnectionCounts,
            isDraining: Bool,
            uptimeMilliseconds: Int64
        ) {
            self.workers = workers
            self.delivery = delivery
            self.tunnels = tunnels
            self.connections = connections
            self.isDraining = isDraining
            self.uptimeMilliseconds = uptimeMilliseconds
        }
    }

    /// True for the paths that answer from memory at once, without asking the delivery engine.
    func isImmediate(_ question: HTTPQuestion) -> Bool {
        !["/ready", "/readyz", "/metrics", "/v1/models"].contains(question.path)
    }

    /// The answer to a GET; `state` is nil only where `isImmediate`.
    func answer(_ question: HTTPQuestion, state: State?) -> HTTPAnswer {
        switch question.path {
        case "/health", "/healthz":
            return readOnly(question) {
                .json(200, ["ok": true, "status": "live", "degraded": isSafeMode ? "safe mode" : nil])
            }
        case "/ready", "/readyz":
            return readOnly(question) { readiness(question, state: state) }
        case "/metrics":
            return readOnly(question) { metrics(question, state: state) }
        case "/v1/models" where config.endpoint.enabled:
            return readOnly(question) { models(question) }
        default:
            return page(question)
        }
    }

    /// What the pass-through endpoint can be asked for, in the shape of OpenAI's list.
    private func models(_ question: HTTPQuestion) -> HTTPAnswer {
        guard secret.accepts(bearer: question.bearer) else {
            let words = "the key of this endpoint is the gateway's \(config.auth.mode.rawValue)"
            return .json(401, ["error": ["message": .string(words), "type": "invalid_request_error"]])
        }
        let agents = config.agents.flatMap { [$0.model.primary] + $0.model.fallbacks }.filter { !$0.worker.isEmpty }
        var names: [String] = []
        for name in agents.map(\.model) + config.catalog.filter({ !$0.worker.isEmpty }).map(\.model)
        where !names.contains(name) && !name.hasPrefix("demo/") {
            names.append(name)
        }
        let rows = names.map { name -> WireValue in
            [
                "id": .string(name), "object": "model", "created": 0,
                "owned_by": .string(String(name.prefix { $0 != "/" })),
            ]
        }
        return .json(200, ["object": "list", "data": .array(rows)])
    }

    private func readOnly(_ question: HTTPQuestion, _ answer: () -> HTTPAnswer) -> HTTPAnswer {
        guard ["GET", "HEAD"].contains(question.method) else {
            return .text(405, "Method Not Allowed", headers: [.init("Allow", "GET, HEAD")])
        }
        return answer()
    }

    /// Details are for whoever could read them anyway: names of workers and causes of death are nobody else's business.
    private func mayKnow(_ question: HTTPQuestion) -> Bool {
        question.peer.isDirectAndPrivate || secret.accepts(bearer: question.bearer)
    }

    private func readiness(_ question: HTTPQuestion, state: State?) -> HTTPAnswer {
        guard let state else { return .json(503, ["ready": false]) }
        let readiness = Readiness(
            workers: state.workers,
            delivery: state.delivery,
            tunnels: state.tunnels,
            isDraining: state.isDraining
        )
        guard mayKnow(question) else {
            return .json(readiness.isReady ? 200 : 503, ["ready": .bool(readiness.isReady)])
        }
        return .json(
            readiness.isReady ? 200 : 503,
            [
                "ready": .bool(readiness.isReady),
                "status": .string(readiness.isReady ? "ready" : "not ready"),
                "reasons": readiness.isReady ? nil : .array(readiness.reasons.map(WireValue.string)),
                "degraded": readiness.degraded.isEmpty ? nil : .array(readiness.degraded.map(WireValue.string)),
                "uptimeMs": .integer(state.uptimeMilliseconds),
            ]
        )
    }

    private func metrics(_ question: HTTPQuestion, state: State?) -> HTTPAnswer {
        guard mayKnow(question) else {
            return .text(
                401,
                "Unauthorized: send the gateway's token as a bearer, or ask from this machine's network\n",
                headers: [.init("WWW-Authenticate", "Bearer")]
            )
        }
        guard let state else { return .text(503, "not ready\n") }
        return HTTPAnswer(
            status: 200,
            contentType: "text/plain; version=0.0.4; charset=utf-8",
            body: Array(MetricsText.render(state).utf8),
            headers: [.init("Cache-Control", "no-store")]
        )
    }

    private func page(_ question: HTTPQuestion) -> HTTPAnswer {
        guard config.controlUI.enabled else { return .notFound }
        guard ["GET", "HEAD"].contains(question.method) else {
            return .text(405, "Method Not Allowed", headers: [.init("Allow", "GET, HEAD")])
        }
        let base = config.controlUI.basePath
        if !base.isEmpty, question.path == base {
            return .text(302, "", headers: [.init("Location", "\(base)/\(question.query)")])
        }
        guard question.path.hasPrefix("\(base)/") else { return .notFound }
        let path = String(question.path.dropFirst(base.count))
        if path.hasPrefix("/avatar/") { return avatar(question) }
        // A path of old that OpenClaw retired.
        if base.isEmpty, path == "/ui" || path.hasPrefix("/ui/") { return .notFound }
        return assets.answer(path: path)
    }

    /// Agents have no pictures here yet; OpenClaw's page asks for them and wants to be told so in JSON.
    private func avatar(_ question: HTTPQuestion) -> HTTPAnswer {
        question.query.contains("meta=1") ? .json(200, ["avatarUrl": .null]) : .notFound
    }
}
