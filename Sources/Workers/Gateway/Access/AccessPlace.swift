/// What the configuration says of the place in which a group message was written.
struct AccessPlace {
    /// Lists besides `allowFrom` whose senders may give commands.
    var lists: [[String]] = []
    var roles: [String] = []
    var requireMention = true
    var ignoreOtherMentions = false
    /// What would admit messages without a mention.
    var freely: AdmittingChange
    /// What would admit messages that name somebody else.
    var othersToo: AdmittingChange
}
