internal import Runtime

/// What the tailscale command prints, read with tolerance: warnings may stand before the JSON, and none of it is a promise.
/// Pure. Shapes: the project's own issues and documentation; no library exists that would judge them.
enum TailscaleOutput {
    /// The JSON object in `text`, noise before it or not; nil: there is none. `null` is an empty object: nothing is served.
    static func object(_ text: String) -> JSONObject? {
        let trimmed = text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }
        if trimmed.last == "null" || trimmed.last == "{}" { return JSONObject() }
        var rest = text[...]
        // Braces in warnings are few.
        for _ in 0..<32 {
            guard let start = rest.firstIndex(of: "{"), let end = rest.lastIndex(of: "}"), start < end else {
                return nil
            }
            if let json = try? JSON(parsing: rest[start...end].utf8).object { return json }  // noise with a brace in it
            rest = rest[start...].dropFirst()
        }
        return nil
    }

    /// Where a person has to click: "https://login.tailscale.com/f/funnel?node=…".
    static func consent(_ text: String) -> String? {
        guard let range = text.firstRange(of: "https://login.tailscale.com/") else { return nil }
        let url = text[range.lowerBound...].prefix { $0.isASCII && !$0.isWhitespace && $0 != "\"" && $0 != ")" }
        return url.count < 400 ? String(url) : nil
    }
}

/// `tailscale status --json`, as far as it matters.
struct TailscaleStatus: Equatable {
    /// "Running", "NeedsLogin", "NeedsMachineAuth", "Stopped", "Starting", "NoState".
    var backend: String
    /// "name.tailnet.ts.net", without the dot at its end.
    var name: String
    var authURL: String

    init?(_ output: String) {
        guard let json = TailscaleOutput.object(output), let backend = json["BackendState"]?.string else { return nil }
        self.backend = backend
        var name = (json["Self"]?["DNSName"]?.string ?? "").lowercased()
        while name.hasSuffix(".") { name.removeLast() }
        self.name = PublicAddress.isHost(name) ? name : ""
        authURL = json["AuthURL"]?.string ?? ""
    }
}

/// `tailscale serve status --json`: what tailscaled leads where, whoever told it to.
struct ServeConfig: Equatable {
    /// By "host:port", then by path: where it leads ("http://127.0.0.1:3334/x"), or what it is otherwise ("text", "path").
    var handlers: [String: [String: String]]
    /// "host:port" that the internet reaches.
    var funnels: Set<String>

    init(handlers: [String: [String: String]] = [:], funnels: Set<String> = []) {
        self.handlers = handlers
        self.funnels = funnels
    }

    /// Nil when it is not of that shape.
    init?(_ output: String) {
        guard let json = TailscaleOutput.object(output) else { return nil }
        self.init()
        for site in json["Web"]?.object?.members.prefix(256) ?? [] {
            for mount in site.value["Handlers"]?.object?.members.prefix(1024) ?? [] {
                let target = mount.value["Proxy"]?.string ?? (mount.value["Text"] != nil ? "a text" : "files")
                handlers[site.key.lowercased(), default: [:]][mount.key] = target
            }
        }
        for member in json["AllowFunnel"]?.object?.members ?? [] where member.value.bool == true {
            funnels.insert(member.key.lowercased())
        }
    }
}
