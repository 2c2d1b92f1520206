internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import Runtime
internal import Synchronization

/// Delivers rows of the outbox: makes the calls of a `SendScript` one after another and does what `SendPlan` says.
final class Sender: Sendable {
    /// Gives a file's bytes to the closure, piece by piece; at most `limit` of them.
    typealias Fetch =
        @Sendable (
            _ media: HubMedia, _ limit: UInt64, _ piece: @escaping @Sendable ([UInt8]) async throws -> Void
        ) async throws -> Void

    /// A row that would have to wait longer for its turn goes back to the gateway.
    static let patience = Duration.seconds(5)

    private let api: BotAPI
    private let settings: TelegramSettings
    private let log: Logger
    private let fetch: Fetch
    private let state = Mutex(State())

    private struct State {
        var pace = SendPace()
        var progress = SendProgress()
        var moves = Moves()
    }

    init(api: BotAPI, settings: TelegramSettings, log: Logger, fetch: @escaping Fetch) {
        self.api = api
        self.settings = settings
        self.log = log
        self.fetch = fetch
    }

    /// Carries out a row and says what became of it.
    func send(_ send: HubSend) async -> HubSendResult {
        let result = await carryOut(send)
        if result.outcome != .sent {
            log.warning("[\(settings.account)] an answer was not sent: \(result.error)")
        }
        if result.outcome != .retry { state.withLock { $0.progress.forget(send.row) } }
        return result
    }

    private func carryOut(_ send: HubSend) async -> HubSendResult {
        guard var target = ReplyTarget(decoding: send.target) else {
            return rejected(send.row, "the answer's target is not one of Telegram's")
        }
        target.chat = state.withLock { $0.moves[target.chat] }
        let script: SendScript
        do throws(SendScript.Refusal) {
            script = try SendScript(send, to: target, replyToMode: settings.replyToMode)
        } catch {
            return rejected(send.row, error.words)
        }
        var done = state.withLock { $0.progress[send.row] }
        var notes: [String] = []
        let firstOpen = done.steps
        for index in script.steps.indices.dropFirst(done.steps) {
            let isInDoubt = send.inDoubt && index == firstOpen
            let result = await perform(script.steps[index], target, row: send.row, inDoubt: isInDoubt, notes: &notes)
            guard result.outcome == .sent else {
                return finished(result, done, send)
            }
            done.steps = index + 1
            if done.messageID.isEmpty { done.messageID = result.messageID }
            if !result.error.isEmpty, !notes.contains(result.error) { notes.append(result.error) }
            if script.steps.count > 1 { state.withLock { $0.progress.keep(done, of: send.row) } }
        }
        var result = HubSendResult()
        result.outcome = .sent
        result.error = notes.joined(separator: "; ")
        return finished(result, done, send)
    }

    private func finished(_ result: HubSendResult, _ done: SendProgress.Done, _ send: HubSend) -> HubSendResult {
        var result = result
        result.row = send.row
        result.messageID = done.messageID
        let isRepeatable = [.edit, .delete, .reaction].contains(send.content.kind)
        if isRepeatable { result.messageID = send.content.messageID }
        result.possibleDuplicate = result.possibleDuplicate || send.inDoubt && !isRepeatable
        return result
    }

    private func rejected(_ row: UInt64, _ words: String) -> HubSendResult {
        var result = HubSendResult()
        result.row = row
        result.outcome = .rejected
        result.error = words
        return result
    }

    // MARK: One step

    /// Makes the calls of one step until it is settled.
    private func perform(
        _ step: SendScript.Step,
        _ target: ReplyTarget,
        row: UInt64,
        inDoubt: Bool,
        notes: inout [String]
    ) async -> HubSendResult {
        var step = step
        var chat = target.chat
        var isMarkup = true
        var plan = SendPlan.Call(row: row, inDoubt: inDoubt, isRepeatable: step.isRepeatable)
        while true {
            if let result = await waitForTurn(step, chat: chat, row: row) { return result }
            step.place { $0.target.chat = chat }
            plan.wasMarkup = isMarkup
            plan.file = if case .file(_, let method, _, _) = step { method } else { nil }
            let outcome: Result<String, CallFailure>
            switch await call(step, chat: chat, isMarkup: isMarkup) {
            case .answered(let result): outcome = result
            case .noFile(let error) where error.isTemporary:
                var result = rejected(row, "the file cannot be had at the moment: \(error.description)")
                result.outcome = .retry
                result.retryAfterMs = 5000
                return result
            case .noFile(let error):
                step = Self.withoutFile(step, error.description, &notes)
                continue
            }
            if case .failure(.tooMany(let seconds)) = outcome {
                state.withLock { $0.pace.block(chat, for: .seconds(seconds), now: .now) }
            }
            switch SendPlan.next(outcome, of: plan, random: .random(in: 0..<1)) {
            case .report(let result): return result
            case .call(let moved):
                state.withLock { $0.moves.add(chat, to: moved) }
                chat = moved
                plan.wasMoved = true
            case .callPlain: isMarkup = false
            case .callFile(let method?):
                guard case .file(let media, _, let caption, let place) = step else { break }
                step = .file(media, method, caption: caption, place: place)
            case .callFile(nil):
                let words = if case .failure(let failure) = outcome { failure.words } else { "" }
                step = Self.withoutFile(step, words, &notes)
            }
        }
    }

    /// The text that is sent where a file cannot be: the user is told, the operator too.
    private static func withoutFile(
        _ step: SendScript.Step,
        _ reason: String,
        _ notes: inout [String]
    ) -> SendScript.Step {
        guard case .file(let media, _, let caption, let place) = step else { return step }
        let name = media.name.isEmpty ? "a file" : "the file \(media.name.prefix(120))"
        notes.append("\(name) was not sent: \(reason)")
        let note = "[\(name) could not be sent: \(reason)]"
        return .text(
            html: caption?.html.map { "\($0)\n\n\(RichText.escaped(note))" },
            plain: [caption?.plain, note].compactMap { $0 }.joined(separator: "\n\n"),
            place: place
        )
    }

    /// Waits until the chat may have another message; a result when that takes too long.
    private func waitForTurn(_ step: SendScript.Step, chat: Int64, row: UInt64) async -> HubSendResult? {
        guard settings.isPaced else { return nil }
        let (wait, isReserved) = state.withLock {
            $0.pace.reserve(chat, isGroup: chat < 0, patience: Self.patience, now: .now)
        }
        guard isReserved else {
            var result = rejected(row, "Telegram takes so many messages in this chat: the next may go in \(wait)")
            result.outcome = .retry
            result.retryAfterMs = UInt32(clamping: wait.components.seconds &* 1000 + 1000)
            return result
        }
        if wait > .zero { try? await Task.sleep(for: wait) }  // cancelled: the process ends
        return nil
    }

    // MARK: One call

    private enum Outcome {
        case answered(Result<String, CallFailure>)
        /// Its owner does not give the file; nothing was sent.
        case noFile(MediaError)
    }

    private func call(_ step: SendScript.Step, chat: Int64, isMarkup: Bool) async -> Outcome {
        switch step {
        case .text(let html, let plain, let place):
            let call = BotCall.sendMessage(
                (isMarkup ? html : nil) ?? plain,
                html: isMarkup && html != nil,
                at: place,
                preview: settings.linkPreview
            )
            return .answered(await api.call(call, Bot.SentMessage.self).map { String($0.messageId) })
        case .edit(let message, let html, let plain, let place):
            let call = BotCall.editMessage(
                message,
                (isMarkup ? html : nil) ?? plain,
                html: isMarkup && html != nil,
                at: place,
                preview: settings.linkPreview
            )
            return .answered(await api.call(call, Bot.Present.self).map { _ in String(message) })
        case .delete(let message):
            return .answered(
                await api.call(.deleteMessage(message, in: chat), Bot.Present.self).map { _ in String(message) }
            )
        case .reaction(let message, let emoji):
            return .answered(
                await api.call(.setReaction(emoji, on: message, in: chat), Bot.Present.self).map { _ in String(message)
                }
            )
        case .file(let media, let method, let caption, let place):
            return await upload(media, method, caption, place, isMarkup: isMarkup)
        }
    }

    private func upload(
        _ media: HubMedia,
        _ method: FileMethod,
        _ caption: SendScript.Caption?,
        _ place: SendPlace,
        isMarkup: Bool
    ) async -> Outcome {
        let limit = min(UInt64(max(settings.mediaMaxMegabytes, 1)) * 1_000_000, FileMethod.uploadBytes)
        let size = media.size
        let handover = Handover()
        var fields = [("chat_id", String(place.target.chat))]
        if let thread = place.thread { fields.append(("message_thread_id", String(thread))) }
        if let caption {
            fields.append(("caption", (isMarkup ? caption.html : nil) ?? caption.plain))
            if isMarkup, caption.html != nil { fields.append(("parse_mode", "HTML")) }
        }
        if let reply = place.replyParameters {
            fields.append(("reply_parameters", String(decoding: BotJSON.encode(reply), as: UTF8.self)))
        }
        if let keyboard = place.keyboard {
            fields.append(("reply_markup", String(decoding: BotJSON.encode(keyboard), as: UTF8.self)))
        }
        let form = MultipartForm(
            fields: fields,
            field: method.field,
            name: media.name,
            mime: media.mime,
            boundary: "clawhold-\(UUID().uuidString)",
            file: handover
        )
        let length = Int64(exactly: size).flatMap { $0 > 0 ? $0 + Int64(form.overhead) : nil }
        // Ended below, when the call is over.
        let giving = Task { () -> MediaError? in
            do {
                let count = Atomic<UInt64>(0)
                try await self.fetch(media, size > 0 ? min(limit, size) : limit) { piece in
                    count.wrappingAdd(UInt64(piece.count), ordering: .relaxed)
                    try await handover.put(piece)
                }
                guard size == 0 || count.load(ordering: .relaxed) == size else {
                    throw MediaError("it has fewer bytes than its owner said")
                }
                handover.end()
                return nil
            } catch {
                handover.end(error)
                if let error = error as? MediaError { return error }
                return error is Handover.Ended || error is CancellationError
                    ? nil : MediaError("the file could not be read to its end", isTemporary: true)
            }
        }
        let result = await api.upload(method.rawValue, form, length: length, within: .seconds(180))
        handover.end(Handover.Ended())
        giving.cancel()
        // A form that breaks off is refused by every server: without all of the file nothing was sent.
        if let error = await giving.value, (try? result.get()) == nil { return .noFile(error) }
        return .answered(result.map { String($0.messageId) })
    }
}
