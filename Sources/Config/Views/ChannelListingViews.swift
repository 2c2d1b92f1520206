extension LoadedConfig {
    /// Networks that there is a worker for, and how their tokens are called.
    private static var networks: [(channel: String, token: String, file: String?, variable: String)] {
        [
            ("telegram", "botToken", "tokenFile", "TELEGRAM_BOT_TOKEN"),
            ("discord", "token", nil, "DISCORD_BOT_TOKEN"),
        ]
    }

    /// Every account of every network, in the order of the file. No secret is read.
    package func channelListings() -> [ChannelListing] {
        var listings = Self.networks.flatMap { network in
            accounts(of: network.channel, network.token, network.file, environment[network.variable] != nil)
        }
        if let voice = voiceListing() { listings.append(voice) }
        for member in root["channels"]?.object?.members ?? []
        where member.key != "defaults" && !Self.networks.contains(where: { $0.channel == member.key }) {
            guard listings.count < 2 * Self.accountLimit else { break }
            var listing = ChannelListing(channel: String(member.key.prefix(64)), account: "default")
            listing.isEnabled = member.value["enabled"]?.bool != false
            listing.isSupported = false
            listings.append(listing)
        }
        return listings
    }

    /// Telephone calls stand with the plugins.
    private func voiceListing() -> ChannelListing? {
        guard let entry = Self.find(Self.voicePath, in: root), let config = entry["config"] else { return nil }
        var listing = ChannelListing(channel: GatewayVoice.channel, account: "default")
        listing.isEnabled = isVoiceEnabled
        let keys = [("twilio", "authToken", "TWILIO_AUTH_TOKEN"), ("telnyx", "apiKey", "TELNYX_API_KEY")]
        if let (section, key, variable) = keys.first(where: { $0.0 == config["provider"]?.string }) {
            if config[section]?[key] != nil {
                listing.tokenSource = .config
            } else if environment[variable] != nil {
                listing.tokenSource = .env
            }
        }
        return listing
    }

    private func accounts(of channel: String, _ token: String, _ file: String?, _ hasVariable: Bool) -> [ChannelListing]
    {
        let block = Self.find(["channels", channel], in: root)
        var names = (block?["accounts"]?.object?.members ?? []).prefix(Self.accountLimit).map(\.key)
        let hasTop = block?[token] != nil || file.map { block?[$0] != nil } == true
        let isImplied = names.isEmpty ? block != nil || hasVariable : hasTop || hasVariable
        if isImplied, !names.contains("default") { names.insert("default", at: 0) }
        return names.map { name in
            let own = block?["accounts"]?[name]
            var listing = ChannelListing(channel: channel, account: Self.agentID(name))
            listing.name = String(
                (own?["name"]?.string ?? (name == "default" ? block?["name"]?.string : nil) ?? "").prefix(128)
            )
            listing.isEnabled = block?["enabled"]?.bool != false && own?["enabled"]?.bool != false
            for source in name == "default" ? [own, block] : [own] where listing.tokenSource == .none {
                if let file, source?[file] != nil {
                    listing.tokenSource = .tokenFile
                } else if source?[token] != nil {
                    listing.tokenSource = .config
                }
            }
            if listing.tokenSource == .none, name == "default", hasVariable { listing.tokenSource = .env }
            return listing
        }
    }
}
