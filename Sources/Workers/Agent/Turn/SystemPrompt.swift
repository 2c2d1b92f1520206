internal import IPCHub

/// What the model is told before the conversation. No clock in it: it would cost the provider's cache on every call.
struct SystemPrompt {
    /// The agent's own files, in the order in which they are shown.
    static let files = ["AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md"]
    /// Most characters of one file (OpenClaw's `bootstrapMaxChars`).
    static let fileLimit = 20_000

    var agent: String
    var name: String
    var workspace: String
    var timezone: String
    var tools: [any AgentTool]

    /// - Parameters:
    ///   - interrupted: calls of earlier attempts whose effect is unknown and which the transcript does not show.
    ///   - read: the content of a file by path; nil when there is none.
    func text(
        turn: HubTurn,
        model: String,
        interrupted: [HubToolCall],
        read: (String) -> String?
    ) -> String {
        var sections = [
            "You are \(name.isEmpty ? "a personal assistant" : name) running inside Clawhold.",
            "## Tools\nYou have these tools and no others:\n"
                + tools.map { "- \($0.name): \($0.description)" }.joined(separator: "\n"),
        ]
        if !interrupted.isEmpty {
            let calls = interrupted.prefix(20).map { call in
                "- \(call.name) \(String(decoding: call.arguments.prefix(2000), as: UTF8.self))"
            }
            sections.append(
                "## Interrupted tool calls\nAn earlier attempt to answer this message was interrupted while these tools ran. Whether they had an effect is not known; check before you repeat one:\n"
                    + calls.joined(separator: "\n")
            )
        }
        if !workspace.isEmpty { sections.append("## Workspace\nYour files are in \(workspace).") }
        let shown = Self.files.compactMap { file in
            read("\(workspace)/\(file)").flatMap { text in
                text.trimmed().isEmpty ? nil : "### \(file)\n\(Self.cut(text))"
            }
        }
        if !workspace.isEmpty, !shown.isEmpty {
            sections.append("## Project context\n" + shown.joined(separator: "\n\n"))
        }
        if !timezone.isEmpty { sections.append("## Time zone\n\(timezone)") }
        if !turn.channel.isEmpty, turn.channel != "webchat" {
            sections.append(
                "## Replies\nYour answer is sent to \(Envelope.name(of: turn.channel)) as it is. Messages begin with a line in brackets that says who wrote and when; do not write such a line yourself."
            )
        }
        sections.append(
            "## Runtime\nagent=\(agent) model=\(model) channel=\(turn.channel.isEmpty ? "webchat" : turn.channel)"
        )
        return sections.joined(separator: "\n\n")
    }

    private static func cut(_ text: String) -> String {
        guard text.count > fileLimit else { return text }
        return text.prefix(fileLimit) + "\n[cut here: the file is longer than \(fileLimit) characters]"
    }
}
