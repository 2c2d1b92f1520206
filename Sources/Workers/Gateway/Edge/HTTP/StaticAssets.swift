internal import Config

/// The Control UI's files, compiled in.
struct StaticAssets: Sendable {
    private let basePath: String
    private let bootstrap: [UInt8]

    init(config: GatewayConfig) {
        basePath = config.controlUI.basePath
        let agent = config.agent(config.defaultAgent)
        let value: WireValue = [
            "basePath": .string(config.controlUI.basePath),
            "assistantName": .string(agent.name.isEmpty ? "Assistant" : agent.name),
            "assistantAvatar": "A",
            "assistantAgentId": .string(config.defaultAgent),
            "serverVersion": .nonEmpty(config.version),
        ]
        bootstrap = value.encoded()
    }

    private static let bootstrapPaths = ["/control-ui-config.json", "/__openclaw/control-ui-config.json"]

    /// Nothing is loaded from elsewhere, no script or style stands in the page, nobody may frame it. `connect-src` names
    /// the WebSocket schemes because Safari does not count them as `'self'`.
    private static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// `path` starts with a slash and lies below the base path.
    func answer(path: String) -> HTTPAnswer {
        guard !path.contains(".."), !path.utf8.contains(0), !path.contains("%") else { return .notFound }
        if Self.bootstrapPaths.contains(path) { return file("application/json; charset=utf-8", bootstrap) }
        // Found from any depth, so that pages of nested routes may name their assets relatively.
        if let assets = path.ranges(of: "/assets/").last {
            return asset(String(path[assets.upperBound...])) ?? .notFound
        }
        let name = path.split(separator: "/").last ?? ""
        guard !name.contains(".") || name == "index.html" else { return asset(String(name)) ?? .notFound }
        return index()
    }

    private func asset(_ name: String) -> HTTPAnswer? {
        switch name {
        case "app.js": file("application/javascript; charset=utf-8", PackageResources.app_js)
        case "channels.js": file("application/javascript; charset=utf-8", PackageResources.channels_js)
        case "usage.js": file("application/javascript; charset=utf-8", PackageResources.usage_js)
        case "app.css": file("text/css; charset=utf-8", PackageResources.app_css)
        case "icon.svg", "favicon.svg": file("image/svg+xml", PackageResources.icon_svg)
        default: nil
        }
    }

    private func index() -> HTTPAnswer {
        // The page names its files relative to the base: a deep link must not change what it loads.
        let page = String(decoding: PackageResources.index_html, as: UTF8.self)
            .replacing("%BASE%", with: basePath.filter { $0 != "\"" && $0 != "<" && $0 != ">" && $0 != "&" })
        return HTTPAnswer(
            status: 200,
            contentType: "text/html; charset=utf-8",
            body: Array(page.utf8),
            headers: [
                .init("Cache-Control", "no-cache"),
                .init("Content-Security-Policy", Self.contentSecurityPolicy),
                .init("X-Frame-Options", "DENY"),
            ]
        )
    }

    private func file(_ contentType: String, _ bytes: [UInt8]) -> HTTPAnswer {
        HTTPAnswer(
            status: 200,
            contentType: contentType,
            body: bytes,
            headers: [.init("Cache-Control", "no-cache")]
        )
    }
}
