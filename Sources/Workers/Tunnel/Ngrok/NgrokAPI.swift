internal import Runtime

/// What ngrok's own API (`http://127.0.0.1:4040/api/…`, the port moves on when it is taken) says of its tunnels. Pure.
enum NgrokAPI {
    /// In the order in which they are asked: newer agents know the first alone, older ones the second alone.
    static let paths = ["/api/endpoints", "/api/tunnels"]

    /// The public address that leads to this port of ours, https before http.
    ///
    /// `{"tunnels": [{"public_url", "config": {"addr"}}]}`, or `{"endpoints": [{"url", "upstream": {"url"}}]}`.
    /// Nil when the answer is not of that shape; an empty string when it lists none that leads here.
    static func address(in answer: [UInt8], port: Int) -> String? {
        guard let json = try? JSON(parsing: answer) else { return nil }  // what is no JSON is no answer
        guard let list = (json["tunnels"] ?? json["endpoints"])?.array else { return nil }
        let found = list.prefix(256).compactMap { entry -> String? in
            guard let url = (entry["public_url"] ?? entry["url"])?.string else { return nil }
            let target = entry["config"]?["addr"]?.string ?? entry["upstream"]?["url"]?.string
            if let target, !leads(target, to: port) { return nil }
            return url
        }
        return found.first { $0.hasPrefix("https://") } ?? found.first ?? ""
    }

    /// "http://localhost:3334", "127.0.0.1:3334", "3334".
    private static func leads(_ target: String, to port: Int) -> Bool {
        var text = target[...]
        while text.last == "/" { text = text.dropLast() }
        return text.split(separator: ":").last.map { $0 == String(port) } ?? false
    }

    /// An address that ngrok names for its API: a port of this machine and nothing else.
    static func local(_ address: String) -> String? {
        let parts = address.split(separator: ":")
        guard parts.count == 2, ["127.0.0.1", "localhost", "0.0.0.0"].contains(parts[0]),
            let port = UInt16(parts[1]), port > 0
        else { return nil }
        return "127.0.0.1:\(port)"
    }
}
