/// The commands that a person may type in any chat, and that networks show in their menus.
extension NativeCommand {
    /// What the gateway and its agents understand, all of it: menus and `/help` show this list.
    package static let all = [
        NativeCommand("new", "Begin a fresh conversation", argument: "The first message of it"),
        NativeCommand("reset", "Begin a fresh conversation", argument: "The first message of it"),
        NativeCommand("stop", "Stop the answer that is being written"),
        NativeCommand("status", "Model, tokens and state of this conversation"),
        NativeCommand("model", "Which model answers here", argument: "Its name or number, or default"),
        NativeCommand(
            "think",
            "How much the model thinks here",
            argument: "off|minimal|low|medium|high|xhigh|default"
        ),
        NativeCommand("whoami", "Your id and this conversation's, as the configuration names them"),
        NativeCommand("help", "What can be typed here"),
    ]
}

extension LoadedConfig {
    /// The commands that a network's menu shows; empty: none, and those of an earlier start are taken away.
    ///
    /// The account's `commands.native`, else the one for all: true, false, or `auto`, which is true for the networks that
    /// have menus, as is what is absent or cannot be read.
    package func nativeCommands(_ keys: AccountKeys) -> [NativeCommand] {
        let written = keys["commands"]?["native"] ?? value(["commands", "native"])
        return written?.bool == false ? [] : NativeCommand.all
    }
}
