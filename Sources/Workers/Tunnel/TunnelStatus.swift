internal import Config
internal import IPCHub
internal import Runtime

extension TunnelReport {
    /// As the hub carries it.
    var message: HubTunnelStatus {
        var status = HubTunnelStatus()
        status.state =
            switch state {
            case .starting: .starting
            case .up: .up
            case .degraded: .degraded
            case .down: .down
            }
        status.url = url
        status.error = String(error.prefix(1000))
        status.sinceMs = since
        status.pid = UInt32(max(0, pid))
        status.restarts = UInt64(max(0, restarts))
        status.nextMs = next
        return status
    }

    /// One line for `clawhold ps`.
    var line: String {
        switch state {
        case .up: url
        case .starting, .degraded, .down: error.isEmpty ? state.rawValue : "\(state.rawValue): \(error)"
        }
    }
}

/// The answer to the gateway's question `status`.
enum TunnelStatusAnswer {
    static func json(_ report: TunnelReport, _ config: TunnelConfig, port: Int, _ figures: DoorFigures) -> [UInt8] {
        let routes = zip(config.routes, figures.routes).map { route, figures -> JSON in
            [
                "path": .string(route.path), "worker": .string(route.worker), "port": .integer(Int64(route.port)),
                "tree": .bool(route.isTree), "requests": .integer(Int64(clamping: figures.requests)),
                "unanswered": .integer(Int64(clamping: figures.unanswered)), "lastAt": .integer(figures.lastAt),
                "lastStatus": .integer(Int64(clamping: figures.lastStatus)),
            ]
        }
        let answer: JSON = [
            "provider": .string(config.provider.rawValue), "program": .string(config.program),
            "public": .bool(config.isPublic), "state": .string(report.state.rawValue), "url": .string(report.url),
            "error": .string(report.error), "since": .integer(report.since), "pid": .integer(Int64(report.pid)),
            "restarts": .integer(Int64(report.restarts)), "next": .integer(report.next),
            "port": .integer(Int64(port)), "refused": .integer(Int64(clamping: figures.refusals)),
            "routes": .array(routes),
        ]
        return answer.encoded()
    }
}
