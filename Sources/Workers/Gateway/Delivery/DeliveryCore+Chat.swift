internal import Config
internal import FoundationEssentials
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

extension DeliveryCore {
    mutating func chat(_ token: Int, _ message: ChatSend) {
        func refuse(_ text: String) { effect(.answerChat(token: token, .refused(text))) }
        guard !isDraining else { return refuse(Sentences.shuttingDown) }
        guard intakeStopped.isEmpty else { return refuse("No message is taken in: \(intakeStopped).") }
        guard !message.idempotencyKey.isEmpty, message.idempotencyKey.utf8.count <= limits.keyBytes,
            message.sessionKey.utf8.count <= limits.keyBytes
        else { return refuse("idempotencyKey and sessionKey take 1 to \(limits.keyBytes) bytes.") }
        guard message.text.utf8.count <= limits.chatBytes else {
            return refuse("The message is longer than \(limits.chatBytes / 1024) KiB: send it in parts.")
        }
        guard let route = router.canonical(message.sessionKey) else {
            let known = config.agents.map(\.id).joined(separator: ", ")
            return refuse("There is no such agent in \(message.sessionKey); configured: \(known).")
        }
        let eventKey = "webchat:\(message.idempotencyKey)"
        var turn = NewTurn(
            turnID: Self.turnID(of: eventKey),
            runID: message.idempotencyKey,
            sessionKey: message.sessionKey,
            lane: route.sessionKey,
            agent: "agent:\(route.agentID)",
            channel: NewTurn.webchat,
            account: "",
            conversation: route.sessionKey,
            target: [],
            message: Self.bytes(of: message, in: route.sessionKey)
        )
        turn.facts.sender = NewTurn.webchat
        turn.facts.preview = String(message.text.prefix(160).map { $0.isNewline ? " " : $0 })
        turn.facts.isSolo = message.text.hasPrefix("/") || message.text.hasPrefix("!")
        commit(.chat(token: token, eventKey: eventKey, turn: turn))
    }

    mutating func chatReceived(_ token: Int, _ turn: NewTurn, _ receipt: ChatReceipt, _ now: Int64) {
        switch receipt {
        case .started(let entered):
            effect(.answerChat(token: token, entered.refusal.map { .refused("Not taken: \($0).") } ?? .started))
            self.entered(entered, about: NewTurn.webchat)
            want(turn.agent)
        case .inFlight: effect(.answerChat(token: token, .inFlight))
        case .finished: effect(.answerChat(token: token, .finished))
        case .failed(let sentence): effect(.answerChat(token: token, .failed(sentence)))
        case .crowded:
            let text = "\(limits.waitingPerChannel) messages wait for their answer already: try again later."
            effect(.answerChat(token: token, .refused(text)))
        }
    }

    mutating func stop(_ token: Int, _ sessionKey: String, _ runID: String?, _ reason: String) {
        guard let route = router.canonical(sessionKey) else {
            return effect(.answerStop(token: token, .failure(.invalid("no such agent in \(sessionKey)"))))
        }
        commit(.stop(token: token, lane: route.sessionKey, sessionKey: sessionKey, runID: runID, reason: reason))
    }

    mutating func stopped(_ token: Int, _ reason: String, _ outcome: StopOutcome) {
        switch outcome {
        case .otherSession:
            effect(.answerStop(token: token, .failure(.invalid("runId does not match sessionKey"))))
        case .stopped(let turns):
            effect(.answerStop(token: token, .success(turns.map(\.runID))))
            announce(turns, reason: reason)
        }
    }

    /// WebChat's message in the form that every channel's takes.
    private static func bytes(of message: ChatSend, in conversation: String) -> [UInt8] {
        var chat = HubChatMessage()
        chat.text = message.text
        chat.chatType = .direct
        chat.conversation = conversation
        chat.senderID = NewTurn.webchat
        chat.messageID = message.idempotencyKey
        chat.timestampMs = message.timestampMilliseconds
        chat.mentioned = true
        chat.mayCommand = true
        chat.thinking = message.thinking
        chat.media = message.files.map { file in
            var media = HubMedia()
            media.kind = .image
            media.ref = Data(file.name.utf8)
            media.mime = file.mime
            media.name = file.shownName
            media.size = UInt64(clamping: file.size)
            return media
        }
        // Bounded above, so this cannot fail.
        return (try? chat.serializedBytes()) ?? []
    }
}
