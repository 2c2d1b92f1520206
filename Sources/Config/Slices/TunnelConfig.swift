/// The CONFIG of a worker `tunnel:<provider>`. Its token comes as SECRET `TUNNEL_TOKEN`.
package struct TunnelConfig: Codable, Sendable, Equatable {
    package enum Provider: String, Codable, Sendable, CaseIterable {
        case ngrok
        case tailscale
        case cloudflared
    }

    package var provider: Provider
    /// Absolute path of the provider's program; empty: it is not installed.
    package var program = ""
    /// Reachable from the internet; false: from the tailnet alone (`tailscale-serve`).
    package var isPublic = true
    /// The fixed host name: ngrok's domain, cloudflared's public hostname; empty: the provider chooses one.
    package var domain = ""
    /// Port of 127.0.0.1 that the provider leads to; 0: any free one.
    package var port = 0
    /// tailscale: the port of its edge, one of 443, 8443 and 10000.
    package var httpsPort = 443
    /// tailscale: tailscaled's socket; empty: where it is by itself.
    package var socket = ""
    /// tailscale: this machine's name in the tailnet, where we log it in; empty: the host's.
    package var hostName = ""
    /// Whether there is a token at all.
    package var hasToken = false
    /// What is let through, at most `routeLimit`; everything else is answered 404.
    package var routes: [TunnelRoute] = []

    package static var routeLimit: Int { 16 }

    package init(_ provider: Provider) { self.provider = provider }

    /// `tunnel:ngrok`.
    package var worker: String { "tunnel:\(provider.rawValue)" }

    /// What puts the program into Clawhold's image: a build argument.
    package var buildArgument: String {
        switch provider {
        case .ngrok: "NGROK=1"
        case .tailscale: "TAILSCALE=1"
        case .cloudflared: "CLOUDFLARED=1"
        }
    }
}

/// One path that a tunnel lets through.
package struct TunnelRoute: Codable, Sendable, Equatable {
    /// The worker that is told its public URL; empty: nobody.
    package var worker: String
    /// "/voice/webhook", as the outside and the target know it.
    package var path: String
    /// Of 127.0.0.1.
    package var port: Int
    /// Everything beneath `path` too, and connections that become WebSockets. Never for a webhook.
    package var isTree: Bool

    package init(worker: String = "", path: String, port: Int, isTree: Bool = false) {
        self.worker = worker
        self.path = path
        self.port = port
        self.isTree = isTree
    }

    /// A path that can be listed: absolute, plain, without dots that lead elsewhere, 200 bytes at most.
    package static func isPath(_ path: String) -> Bool {
        guard path.hasPrefix("/"), path.utf8.count <= 200, !path.contains("//") else { return false }
        guard path == "/" || !path.hasSuffix("/") else { return false }
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "~"):
                true
            default: false
            }
        }
        return isPlain && !path.split(separator: "/").contains { $0 == "." || $0 == ".." }
    }
}

/// A tunnel as the gateway needs to know it: whom its addresses are told to.
package struct TunnelEntry: Codable, Sendable, Equatable {
    /// `tunnel:ngrok`.
    package var worker: String
    package var provider: String
    package var isPublic: Bool
    package var routes: [TunnelRoute]

    package init(_ config: TunnelConfig) {
        worker = config.worker
        provider = config.provider.rawValue
        isPublic = config.isPublic
        routes = config.routes
    }
}
