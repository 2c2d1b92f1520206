internal import Config

/// The key of the session that a message belongs to; always in small letters.
///
/// Source: spec/channels-voice-tunnel.md 1.8; of telephone calls 3.6.
struct SessionKey {
    let session: SessionConfig
    let access: ChannelAccess
    let agentID: String

    func text(for peer: Peer) -> String {
        let prefix = "agent:\(LoadedConfig.agentID(agentID))"
        let id = peer.id.isEmpty ? "unknown" : peer.id
        let key =
            switch peer.kind {
            case .group, .channel: "\(prefix):\(access.channel):\(peer.kind.rawValue):\(id)"
            case .direct: direct(id, prefix: prefix)
            }
        return (key + (peer.thread.map { ":thread:\($0)" } ?? "")).lowercased()
    }

    private func direct(_ id: String, prefix: String) -> String {
        if access.isTelephone { return "\(prefix):voice:\(PhoneNumber.name(id))" }
        return switch session.dmScope {
        case .main: "\(prefix):\(session.mainKey)"
        case .perPeer: "\(prefix):dm:\(linked(id))"
        case .perChannelPeer: "\(prefix):\(access.channel):dm:\(linked(id))"
        case .perAccountChannelPeer: "\(prefix):\(access.channel):\(access.account):dm:\(linked(id))"
        }
    }

    /// One person's name over all channels, where `session.identityLinks` gives one.
    private func linked(_ id: String) -> String {
        let id = id.lowercased()
        let wanted: Set<String> = [id, "\(access.channel):\(id)"]
        let links = session.identityLinks.sorted { $0.key < $1.key }
        let canonical = links.first { link in
            link.value.contains { wanted.contains($0.trimmingSpace.lowercased()) }
        }?.key.trimmingSpace
        return canonical.flatMap { $0.isEmpty ? nil : $0 } ?? id
    }
}
