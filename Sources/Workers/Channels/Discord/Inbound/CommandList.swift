internal import Config
internal import IPCControl
internal import Runtime

/// The bot's slash commands as Discord registers them.
enum CommandList {
    /// Discord takes a hundred.
    static let limit = 100

    /// The body of the bulk PUT.
    static func json(_ commands: [NativeCommand]) -> JSON {
        .array(
            commands.prefix(limit).map { command in
                var object = JSONObject()
                object["name"] = .string(String(command.name.lowercased().prefix(32)))
                object["description"] = .string(
                    String((command.summary.isEmpty ? command.name : command.summary).prefix(100))
                )
                object["type"] = 1
                if !command.argument.isEmpty {
                    var option: JSONObject = JSONObject()
                    option["type"] = 3
                    option["name"] = "text"
                    option["description"] = .string(String(command.argument.prefix(100)))
                    option["required"] = false
                    if !choices(command).isEmpty { option["autocomplete"] = true }
                    object["options"] = .array([.object(option)])
                }
                return .object(object)
            }
        )
    }

    /// Of the registered list, to see whether it changed: eight bytes in hexadecimal.
    static func hash(_ commands: [NativeCommand]) -> String {
        Hex.encode(SHA256.hash(json(commands).encoded()).prefix(8))
    }

    /// The words that may follow, where the specification lists them: `on|off|full`.
    static func choices(_ command: NativeCommand?) -> [String] {
        let parts = (command?.argument ?? "").split(separator: "|").map(String.init)
        guard parts.count > 1, parts.allSatisfy({ !$0.contains(" ") && !$0.isEmpty && $0.count <= 100 }) else {
            return []
        }
        return parts
    }
}
