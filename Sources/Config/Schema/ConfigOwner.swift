/// The smallest part that owns a place of the configuration, by the name that people know it under.
enum ConfigOwner {
    static func name(of path: ConfigPath) -> String {
        let parts = path.parts
        switch parts.first {
        case "channels" where parts.count >= 4 && parts[2] == "accounts": return "channel:\(parts[1]):\(parts[3])"
        case "channels" where parts.count >= 2 && parts[1] != "defaults": return "channel:\(parts[1])"
        case "models" where parts.count >= 3 && parts[1] == "providers": return "model:\(parts[2])"
        case "bindings" where parts.count >= 2: return "bindings.\(parts[1])"
        case "gateway" where parts.count >= 2 && parts[1] == "auth": return "gateway.auth"
        default: return path.description
        }
    }

    static func nameOwn(of path: ConfigPath) -> String {
        let parts = path.parts
        switch parts.first {
        case "sidecars" where parts.count >= 2: return "sidecar:\(parts[1])"
        case "channels" where parts.count >= 2: return "channel:\(parts[1])"
        case "tunnel": return "tunnel"
        default: return path.description
        }
    }
}
