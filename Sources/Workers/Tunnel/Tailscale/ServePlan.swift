/// What has to be told tailscaled so that it serves our paths and nothing of ours besides. Pure.
///
/// What leads to our own port is ours, whoever left it there; everything else is the operator's and is never touched, and
/// `reset`, which wipes it all, is never used. Serving is kept by tailscaled: it outlives us and reboots.
struct ServePlan: Equatable {
    enum Step: Equatable {
        case mount(String)
        case unmount(String)
    }

    /// In order: what is ours no longer goes first.
    var steps: [Step] = []
    /// Why nothing may be done; nil: the steps may.
    var conflict: String?

    /// - Parameters:
    ///   - site: "name.tailnet.ts.net:443".
    ///   - port: ours, of 127.0.0.1.
    ///   - isPublic: through funnel.
    init(_ config: ServeConfig, site: String, port: Int, paths: [String], isPublic: Bool) {
        let mounts = config.handlers[site] ?? [:]
        let isFunnel = config.funnels.contains(site)
        let foreign = mounts.filter { !Self.isOurs($0.value, port) }
        let edge = site.split(separator: ":").last ?? ""
        if let taken = paths.first(where: { foreign[$0] != nil }) {
            conflict =
                "tailscale already leads \(taken) to \(foreign[taken] ?? "") (tailscale serve status): remove that with  "
                + "tailscale serve --https=\(edge) --set-path \(taken) off , or set another path or tunnel.httpsPort"
        } else if !foreign.isEmpty, isPublic != isFunnel {
            // One switch for the whole port: turning it would publish, or cut off, what is not ours.
            let others = foreign.keys.sorted().prefix(3).joined(separator: ", ")
            conflict =
                isPublic
                ? "port \(edge) serves \(others) to your tailnet only, and funnel would put that on the internet too: set "
                    + "clawhold.json: tunnel.httpsPort to 8443 or 10000"
                : "port \(edge) serves \(others) to the internet, and serve would end that: set clawhold.json: "
                    + "tunnel.httpsPort to 8443 or 10000"
        }
        guard conflict == nil else { return }
        let ours = mounts.filter { Self.isOurs($0.value, port) }
        steps = ours.keys.filter { !paths.contains($0) }.sorted().map(Step.unmount)
        for path in paths where ours[path] != Self.target(path, port) || isFunnel != isPublic {
            steps.append(.mount(path))
        }
    }

    /// What takes everything of ours away.
    init(removing config: ServeConfig, site: String, port: Int) {
        let ours = (config.handlers[site] ?? [:]).filter { Self.isOurs($0.value, port) }
        steps = ours.keys.sorted().map(Step.unmount)
    }

    /// The mount's prefix is cut off before a request is handed on, so the target repeats it.
    static func target(_ path: String, _ port: Int) -> String { "http://127.0.0.1:\(port)\(path == "/" ? "" : path)" }

    private static func isOurs(_ target: String, _ port: Int) -> Bool {
        let base = "http://127.0.0.1:\(port)"
        return target == base || target.hasPrefix(base + "/")
    }
}
