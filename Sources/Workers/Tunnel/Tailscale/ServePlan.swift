/// What has to be told tailscaled so that it serves our paths and nothing of ours besides. Pure.
///
/// Ours is what looks exactly as we mount it: a path that leads to the same path of our own port, on whichever port of the
/// edge an earlier configuration put it. Everything else is the operator's and is never touched, and `reset`, which wipes it
/// all, is never used. Serving is kept by tailscaled: it outlives us and reboots.
struct ServePlan: Equatable {
    enum Step: Equatable {
        case mount(String)
        /// From a site ("name.tailnet.ts.net:443").
        case unmount(String, site: String)
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
        // One of our paths that leads to our port in another form is put right.
        let foreign = mounts.filter { mount in
            !Self.isOurs(mount.key, mount.value, port)
                && !(paths.contains(mount.key) && Self.leads(mount.value, to: port))
        }
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
        steps = Self.residue(config, site: site, keeping: paths, port: port)
        for path in paths where mounts[path] != Self.target(path, port) || isFunnel != isPublic {
            steps.append(.mount(path))
        }
    }

    /// What takes everything of ours away.
    init(removing config: ServeConfig, site: String, port: Int) {
        steps = Self.residue(config, site: site, keeping: [], port: port)
    }

    /// What is ours and not wanted, on every site of this machine.
    private static func residue(_ config: ServeConfig, site: String, keeping paths: [String], port: Int) -> [Step] {
        let machine = site.prefix { $0 != ":" } + ":"
        var steps: [Step] = []
        for (place, mounts) in config.handlers.sorted(by: { $0.key < $1.key }) where place.hasPrefix(machine) {
            let wanted = place == site ? paths : []
            let ours = mounts.filter { isOurs($0.key, $0.value, port) && !wanted.contains($0.key) }
            steps += ours.keys.sorted().map { .unmount($0, site: place) }
        }
        return steps
    }

    /// The mount's prefix is cut off before a request is handed on, so the target repeats it.
    static func target(_ path: String, _ port: Int) -> String { "http://127.0.0.1:\(port)\(path == "/" ? "" : path)" }

    private static func isOurs(_ path: String, _ target: String, _ port: Int) -> Bool {
        target == Self.target(path, port)
    }

    private static func leads(_ target: String, to port: Int) -> Bool {
        let base = "http://127.0.0.1:\(port)"
        return target == base || target.hasPrefix(base + "/")
    }
}
