internal import Config

/// Channels that are configured and do not run: never silently.
enum ChannelNotices {
    private static let tokens = [("slack", "SLACK_BOT_TOKEN")]

    /// What this version runs.
    private static let supported = ["discord", "telegram"]

    /// Channels that this version cannot run yet.
    static func unsupported(_ config: LoadedConfig) -> [Notice] {
        var names: [(channel: String, source: String)] = []
        for (channel, variable) in tokens where config.environment[variable] != nil {
            names.append((channel, variable))
        }
        for member in config.root["channels"]?.object?.members ?? []
        where !supported.contains(member.key) && member.key != "defaults" {
            guard member.value["enabled"]?.bool != false, !names.contains(where: { $0.channel == member.key }) else {
                continue
            }
            names.append((member.key, "channels.\(member.key)"))
        }
        var notices = names.prefix(20).map { name in
            Notice(
                level: "info",
                text: "\(name.source) is set, but this version has no \(name.channel) channel yet; it stays off"
            )
        }
        let entries = config.root["plugins"]?["entries"]?.object?.members ?? []
        for member in entries.prefix(50) where member.value["enabled"]?.bool == true {
            guard !supported.contains(member.key), member.key != GatewayVoice.channel,
                !names.contains(where: { $0.channel == member.key })
            else {
                continue
            }
            notices.append(
                Notice(level: "info", text: "the plugin \(member.key.prefix(60)) is not supported yet; it stays off")
            )
        }
        return notices
    }

    /// Why telephone calls are off although their plugin is on; nil when they may run, or nobody wants them.
    static func voiceOff(_ config: LoadedConfig) -> Notice? {
        guard config.isVoiceEnabled else { return nil }
        return switchedOff(GatewayVoice.channel, config)
    }

    /// Why a channel as a whole is off; nil when it may run.
    ///
    /// - Parameters:
    ///   - channel: `telegram`.
    ///   - variable: the environment's token for it.
    static func off(_ channel: String, _ variable: String, _ config: LoadedConfig) -> Notice? {
        guard config.root["channels"]?[channel] != nil || config.environment[variable] != nil else { return nil }
        return switchedOff(channel, config)
    }

    private static func switchedOff(_ channel: String, _ config: LoadedConfig) -> Notice? {
        guard config.state != .unusable else {
            return Notice(level: "error", text: "\(channel) is off until the configuration can be read")
        }
        for name in ["SKIP_CHANNELS", "SKIP_PROVIDERS"] where config.environment.isOn(name) {
            return Notice(level: "warn", text: "\(channel) is off because OPENCLAW_\(name) is set")
        }
        let plugins: ConfigPath = ["plugins"]
        let reason: String? =
            if config.value(plugins + "enabled")?.bool == false {
                "plugins.enabled"
            } else if config.value(plugins + "entries" + channel + "enabled")?.bool == false {
                "plugins.entries.\(channel).enabled"
            } else if config.value(plugins + "deny")?.array?.contains(where: { $0.string == channel }) == true {
                "plugins.deny"
            } else {
                nil
            }
        return reason.map { Notice(level: "warn", text: "\(channel) is off because of \($0) in the configuration") }
    }
}
