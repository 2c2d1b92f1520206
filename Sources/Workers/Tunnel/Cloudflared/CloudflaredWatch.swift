internal import Runtime

/// What a cloudflared that runs makes known, line by line and answer by answer, as a pure machine.
///
/// Its log is "<time> INF text key=value …" on standard error. Shapes: the project's own issues and releases from 2020.11 to
/// 2025.6; no library exists that would judge them.
struct CloudflaredWatch: ChildWatch {
    /// The public hostname of a named tunnel; empty: a quick one.
    private let domain: String
    private var address: String?
    private(set) var verdict: ProviderEnd?

    init(domain: String) { self.domain = domain }

    mutating func read(_ text: String) -> [ChildFound] {
        if let end = Self.refusal(text) {
            verdict = end
            return end.kind == .fatal ? [.end(end)] : [.news(.trouble(end.text))]
        }
        if let range = text.firstRange(of: "Starting metrics server on ") {
            let place = text[range.upperBound...].prefix { $0 != "/" && $0 != " " }
            guard let port = place.split(separator: ":").last.flatMap({ UInt16($0) }), port > 0 else { return [] }
            return [.api("127.0.0.1:\(port)")]
        }
        if domain.isEmpty {
            if let url = Self.quickAddress(text), url != address {
                address = url
                return [.news(.address(url))]
            }
        } else if address == nil, text.contains("Registered tunnel connection") || Self.isOldRegistration(text) {
            address = "https://\(domain)"
            return [.news(.address("https://\(domain)"))]
        }
        guard Self.level(text) == "ERR" else { return [] }
        let words = "cloudflared says: \(Self.message(text).prefix(300))"
        verdict = verdict ?? ProviderEnd(.retry, words)
        return [.news(.trouble(words))]
    }

    /// What `/quicktunnel` answered; older builds have none.
    mutating func answered(_ answer: [UInt8]?) -> [ChildFound] {
        guard domain.isEmpty, let answer, let json = try? JSON(parsing: answer),  // no JSON: an older build
            let host = json["hostname"]?.string, Self.isQuick(host), "https://\(host)" != address
        else { return [] }
        address = "https://\(host)"
        return [.news(.address("https://\(host)"))]
    }

    /// "https://some-words-of-it.trycloudflare.com", wherever it stands in a line; never the service's own name.
    static func quickAddress(_ text: String) -> String? {
        var rest = text[...]
        while let range = rest.firstRange(of: "https://") {
            rest = rest[range.upperBound...]
            let host = rest.prefix { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-" || $0 == ".") }
            if isQuick(host) { return "https://\(host)" }
        }
        return nil
    }

    private static func isQuick(_ host: some StringProtocol) -> Bool {
        let suffix = ".trycloudflare.com"
        let name = host.dropLast(suffix.count)
        return host.hasSuffix(suffix) && !name.isEmpty && name != "api" && !name.contains(".")
            && PublicAddress.isHost(String(host))
    }

    /// 2022's way of saying that a connection stands.
    private static func isOldRegistration(_ text: String) -> Bool {
        text.contains("Connection ") && text.contains(" registered connIndex=")
    }

    private static func refusal(_ text: String) -> ProviderEnd? {
        if text.contains("Provided Tunnel token is not valid") || text.contains("Invalid tunnel secret")
            || text.contains("Unauthorized: Tunnel not found") || text.contains("Unauthorized: Failed to get tunnel")
        {
            return ProviderEnd(
                .fatal,
                "Cloudflare refuses the tunnel's token: copy it again from the dashboard (Networks, Tunnels, your tunnel, "
                    + "Install connector) into TUNNEL_TOKEN"
            )
        }
        let isLimited =
            text.contains("error code: 1015") || text.contains("429 Too Many Requests")
            || text.contains("status_code=\"429") || text.contains("failed to unmarshal quick Tunnel")
        if isLimited {
            return ProviderEnd(
                .slow,
                "Cloudflare gives no further quick tunnel at the moment (too many were asked for)"
            )
        }
        if text.contains("failed to request quick Tunnel") {
            return ProviderEnd(.retry, "cloudflared reaches no api.trycloudflare.com: \(message(text).prefix(200))")
        }
        if text.contains("context deadline exceeded") && text.contains("7844") {
            return ProviderEnd(.retry, "cloudflared reaches no edge: it needs the outgoing port 7844, tcp and udp")
        }
        return nil
    }

    /// "INF", "WRN", "ERR" behind the time; "" for a line of another form.
    private static func level(_ text: String) -> String {
        let words = text.split(separator: " ", maxSplits: 2)
        return words.count == 3 && ["INF", "WRN", "ERR", "DBG", "FTL"].contains(words[1]) ? String(words[1]) : ""
    }

    private static func message(_ text: String) -> Substring {
        let words = text.split(separator: " ", maxSplits: 2)
        return level(text).isEmpty ? text[...] : words[2]
    }
}
