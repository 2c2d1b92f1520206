import FoundationEssentials
import Glibc
import IPCControl

/// The fakes' edge and the directory where a tunnel finds its provider's program; what is exposed is the edge's own
/// `/control/state`, and `/control/order` beside it is what must stay out of reach.
final class TunnelEdge: Sendable {
    static let token = "2fakeAuthtokenOfNobody"
    /// The public host name of cloudflared's named tunnel, and the machine's name in its tailnet.
    static let named = "https://bot.example.org"
    static let machine = "box.tail1.ts.net"
    let server: FakeServer
    private let directory: String

    /// - Parameter isNamed: addresses are the providers' own https names, which `wrapper` makes known. For root alone.
    init(isNamed: Bool = false) async throws {
        // The worker's own user has to be able to walk there.
        directory = "/tmp/clawhold-tunnel-\(getpid())-\(UInt32.random(in: .min ... .max))"
        guard mkdir(directory, 0o755) == 0 else { throw TestFailure("mkdir \(directory)") }
        server = try await FakeServer("tunnel_edge.py", isNamed ? ["--names", directory] : [])
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// In front of a gateway that is to find and to trust the names.
    var wrapper: [String] {
        Machine.namespace(
            "mount --bind \(directory)/hosts /etc/hosts; "
                + "mount --bind \(directory)/ca.pem /etc/ssl/certs/ca-certificates.crt"
        )
    }

    /// `tunnel` of clawhold.json for "ngrok", "cloudflared" or "tailscale-funnel".
    func tunnel(_ provider: String, _ more: [String: JSONValue] = [:]) throws -> JSONValue {
        let name = provider.split(separator: "-").first.map(String.init) ?? provider
        let path = "\(directory)/\(name)-\(server.port)"
        if access(path, F_OK) != 0 {
            try FileManager.default.copyItem(atPath: Place.root + "/Tests/peers/tunnel_programs.py", toPath: path)
            guard chmod(path, 0o755) == 0 else { throw TestFailure("chmod \(path)") }
        }
        var tunnel: JSONValue = [
            "provider": .string(provider), "command": .string(path),
            "expose": [["path": "/control/state", "port": .integer(Int64(server.port))]],
        ]
        if provider == "ngrok" { tunnel = tunnel.with("authToken", value: .string(Self.token)) }
        for (key, value) in more { tunnel = tunnel.with(key, value: value) }
        return tunnel
    }

    var state: JSONValue { get async throws { try await server.post("state", [:]) } }

    /// Every start of a provider's program, oldest first.
    var starts: [JSONValue] { get async throws { try await state["starts"]?.array ?? [] } }

    /// Calls a public address from the outside; the status.
    func visit(_ url: String, _ body: JSONValue = [:]) async throws -> Int64 {
        try await server.post("visit", ["url": .string(url), "body": body])["status"]?.integer ?? 0
    }

    /// The worker's address once it is up under another one than `old`.
    func up(_ worker: String, _ gateway: Gateway, not old: String = "", within seconds: Double = 60) async throws
        -> String
    {
        let row = try await gateway.worker(worker, within: seconds) { row in
            row["TEXT"].map { $0.hasPrefix("http") && $0 != old } ?? false
        }
        return row["TEXT"] ?? ""
    }
}
