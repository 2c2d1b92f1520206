package import IPCHub
package import Runtime

/// A call's messages as every dialect wants them: roles alternate, a user begins, each tool call is followed at once by its
/// result, and nothing of another provider's secrets is in it.
///
/// History comes from anywhere: another provider's answers, a turn that a crash ended, a conversation cut at its beginning.
/// Providers refuse the whole call for any of that.
package struct Conversation: Sendable {
    package enum Block: Sendable, Equatable {
        case text(String)
        case image(HubModelBlock.Image)
        /// The input is a JSON object.
        case toolUse(id: String, name: String, input: JSON)
        case toolResult(id: String, name: String, text: String, isError: Bool)
        /// Of this provider, in its own words.
        case opaque(JSON)
    }

    package struct Message: Sendable, Equatable {
        package var role: HubModelMessage.Role
        package var blocks: [Block]
    }

    package private(set) var messages: [Message] = []

    package static let unknownEffect =
        "This tool call was interrupted before its result was recorded. Whether it had an effect is not known."

    /// - Parameters:
    ///   - owner: The `OpaqueBlock.dialect` whose blocks are kept.
    ///   - ids: What ids of tool calls may look like.
    package init(_ source: [HubModelMessage], owner: String, ids: ToolCallID.Rule) {
        for message in source {
            let role: HubModelMessage.Role = message.role == .assistant ? .assistant : .user
            let blocks = message.blocks.compactMap { Self.block($0, role: role, owner: owner, ids: ids) }
            if let last = messages.indices.last, messages[last].role == role {
                messages[last].blocks += blocks
            } else {
                messages.append(Message(role: role, blocks: blocks))
            }
        }
        pairCalls()
        // What holds nothing is said by nobody; neighbours that meet thereby are one.
        messages = messages.reduce(into: []) { kept, message in
            guard !message.blocks.isEmpty else { return }
            if let last = kept.indices.last, kept[last].role == message.role {
                kept[last].blocks += message.blocks
            } else {
                kept.append(message)
            }
        }
        if messages.first?.role == .assistant {
            messages.insert(Message(role: .user, blocks: [.text("(The conversation goes on.)")]), at: 0)
        }
    }

    private static func block(
        _ block: HubModelBlock,
        role: HubModelMessage.Role,
        owner: String,
        ids: ToolCallID.Rule
    ) -> Block? {
        switch block.block {
        case .text(let text)?: return text.isEmpty ? nil : .text(text)
        case .image(let image)?: return role == .user ? .image(image) : nil
        case .toolUse(let use)?:
            guard role == .assistant, !use.name.isEmpty else { return nil }
            let parsed = try? JSON(parsing: use.input)
            return .toolUse(
                id: ToolCallID.fit(use.id, ids),
                name: use.name,
                input: parsed?.object == nil ? [:] : parsed ?? [:]
            )
        case .toolResult(let result)?:
            guard role == .user else { return nil }
            let id = ToolCallID.fit(result.toolUseID, ids)
            return .toolResult(id: id, name: "", text: result.text, isError: result.isError)
        case .opaque(let data)?:
            guard role == .assistant, let opaque = OpaqueBlock(data), opaque.dialect == owner,
                opaque.block.object != nil
            else { return nil }
            return .opaque(opaque.block)
        case nil: return nil
        }
    }

    /// Every call gets its result first thing in the message behind it, in the order of the calls; a result that nobody
    /// called for goes.
    private mutating func pairCalls() {
        var index = 0
        while index < messages.count {
            if messages[index].role == .user, index == 0 || messages[index - 1].role == .user {
                messages[index].blocks.removeAll(where: Self.isResult)
            }
            guard messages[index].role == .assistant else {
                index += 1
                continue
            }
            let calls = messages[index].blocks.compactMap { block -> (id: String, name: String)? in
                if case .toolUse(let id, let name, _) = block { (id, name) } else { nil }
            }
            let hasNext = index + 1 < messages.count
            if !hasNext, !calls.isEmpty { messages.append(Message(role: .user, blocks: [])) }
            if index + 1 < messages.count {
                let blocks = messages[index + 1].blocks
                let results = calls.map { Self.result(for: $0, in: blocks) }
                messages[index + 1].blocks = results + blocks.filter { !Self.isResult($0) }
            }
            index += 1
        }
    }

    private static func isResult(_ block: Block) -> Bool {
        if case .toolResult = block { true } else { false }
    }

    private static func result(for call: (id: String, name: String), in blocks: [Block]) -> Block {
        for case .toolResult(call.id, _, let text, let isError) in blocks {
            return .toolResult(id: call.id, name: call.name, text: text, isError: isError)
        }
        return .toolResult(id: call.id, name: call.name, text: unknownEffect, isError: true)
    }
}
