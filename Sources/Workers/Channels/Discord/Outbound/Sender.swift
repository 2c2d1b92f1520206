internal import Config
internal import IPCHub
internal import Logging
internal import NIOHTTP1
internal import Runtime
internal import Synchronization

/// Delivers what the gateway hands over. The calls are `DiscordAPI`'s, the decisions `SendPlan`'s.
final class Sender: Sendable {
    private let api: DiscordAPI
    private let config: DiscordConfig
    private let names: NameCache
    private let cursor: SharedCursor
    private let log: Logger
    private let fetch: FileFetch
    /// Interactions whose "is thinking…" a message of this process has already replaced, and the row that did it.
    private let filled = Mutex(RecentMap<String, UInt64>(limit: 256))

    /// Gives a file of the hub to the closure, piece by piece; at most so many bytes.
    typealias FileFetch =
        @Sendable (HubMedia, UInt64, @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> MediaFile

    init(
        api: DiscordAPI,
        config: DiscordConfig,
        names: NameCache,
        cursor: SharedCursor,
        log: Logger,
        fetch: @escaping FileFetch
    ) {
        self.api = api
        self.config = config
        self.names = names
        self.cursor = cursor
        self.log = log
        self.fetch = fetch
    }

    func send(_ send: HubSend) async -> HubSendResult {
        var result = await deliver(send)
        result.row = send.row
        // What is given up while an earlier try may have arrived stays marked. What is tried again needs no mark: the nonce,
        // or the look into the channel, settles it.
        if send.inDoubt, result.outcome == .rejected { result.possibleDuplicate = true }
        if result.outcome != .sent { log.warning("an answer was not sent: \(result.error)") }
        return result
    }

    private func deliver(_ send: HubSend) async -> HubSendResult {
        guard let target = ReplyTarget(decoding: send.target) else {
            return Self.rejected("the answer's target is not one of Discord's")
        }
        let channel: String
        switch await self.channel(of: target) {
        case .success(let id): channel = id
        case .failure(let failure):
            return SendPlan.result(
                .failure(failure),
                place: "this person's direct messages",
                random: .random(in: 0..<1)
            )
        }
        switch send.content.kind {
        case .message: return await message(send, to: target, in: channel)
        case .reaction, .edit, .delete: return await act(send.content, target, in: channel)
        case .UNRECOGNIZED: return Self.rejected("this version cannot do what the gateway asks for")
        }
    }

    private static func rejected(_ words: String) -> HubSendResult {
        var result = HubSendResult()
        result.outcome = .rejected
        result.error = words
        return result
    }

    /// Where a target is, its direct channel opened if need be.
    func channel(of target: ReplyTarget) async -> Result<String, CallFailure> {
        if let channel = target.channel { return .success(channel) }
        guard let user = target.user else {
            return .failure(.refused(status: 400, code: 0, message: "no channel and no person"))
        }
        if let known = names.direct(with: user) ?? cursor.current.directs[user] { return .success(known) }
        return await api.call(.openDirect(with: user)).flatMap { json in
            guard let id = json["id"]?.string, Snowflake.isValid(id) else {
                return .failure(.unknown("Discord opened a direct channel without an id"))
            }
            names.noteDirect(id, with: user)
            cursor.change { $0.noteDirect(id, with: user) }
            return .success(id)
        }
    }

    // MARK: Messages

    private func message(_ send: HubSend, to target: ReplyTarget, in channel: String) async -> HubSendResult {
        var body = MessageBody(content: send.content, text: send.content.text, nonce: send.nonce)
        body.reply = reply(send, target)
        var files: [MultipartForm.File] = []
        if body.text.utf16.count > DiscordLimits.textUnits {
            // The gateway cuts; what is still too long goes as a file rather than not at all.
            let bytes = Array(body.text.utf8)
            files.append(
                .init(name: "message.md", mime: "text/markdown", size: Int64(bytes.count), bytes: .here(bytes))
            )
            body.text = ""
        }
        do {
            files += try await self.files(send.content.media)
        } catch {
            guard error.isTemporary else { return Self.rejected("a file could not be sent: \(error)") }
            var result = HubSendResult()
            result.outcome = .retry
            result.retryAfterMs = 2000
            result.error = "a file could not be had: \(error)"
            return result
        }
        body.files = files.map(\.name)
        if !files.isEmpty || !body.text.isEmpty {
            if let result = await answerInteraction(send, target, body, files) { return result }
            return await post(send, body, files, in: channel)
        }
        return Self.rejected("an empty message")
    }

    private func reply(_ send: HubSend, _ target: ReplyTarget) -> String? {
        if send.content.messageID == "none" { return nil }
        if Snowflake.isValid(send.content.messageID) { return send.content.messageID }
        let isReply = config.replyToMode == "all" || (config.replyToMode == "first" && send.first)
        return isReply && target.interaction == nil ? target.message : nil
    }

    private func files(_ media: [HubMedia]) async throws(MediaError) -> [MultipartForm.File] {
        let limit = UInt64(clamping: max(1, config.mediaMaxMegabytes)) * 1_000_000
        var files: [MultipartForm.File] = []
        // Discord takes ten.
        for (number, media) in media.prefix(10).enumerated() {
            let name = media.name.isEmpty ? "file-\(number + 1)" : MultipartForm.safe(media.name)
            if media.size > limit {
                throw MediaError(
                    "\(name) has \(MediaBounds.text(media.size)), and \(config.mediaMaxMegabytes) MB are sent at most "
                        + "(channels.discord.mediaMaxMb)"
                )
            }
            let fetch = fetch
            if media.size > 0 {
                let bytes = MultipartForm.File.Bytes.elsewhere { chunk in _ = try await fetch(media, limit, chunk) }
                files.append(.init(name: name, mime: media.mime, size: Int64(clamping: media.size), bytes: bytes))
                continue
            }
            // Its size must be said before it begins, so it is gathered here.
            let gathered = Gathered()
            do {
                let file = try await fetch(media, limit) { gathered.add($0) }
                let mime = media.mime.isEmpty ? file.mime : media.mime
                let bytes = gathered.all
                files.append(.init(name: name, mime: mime, size: Int64(bytes.count), bytes: .here(bytes)))
            } catch let error as MediaError {
                throw error
            } catch {
                throw MediaError("\(name): \(error)", isTemporary: true)
            }
        }
        return files
    }

    private final class Gathered: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        func add(_ piece: [UInt8]) { bytes.withLock { $0 += piece } }
        var all: [UInt8] { bytes.withLock { $0 } }
    }

    private func call(_ method: String, _ path: String, _ route: String, _ json: JSON, _ files: [MultipartForm.File])
        -> DiscordCall
    {
        DiscordCall(
            method: .init(rawValue: method),
            path: path,
            route: "\(method) \(route)",
            body: files.isEmpty ? .json(json) : .form(MultipartForm(payload: json, files: files)),
            timeout: files.isEmpty ? .seconds(30) : .seconds(120)
        )
    }

    private func post(
        _ send: HubSend,
        _ body: MessageBody,
        _ files: [MultipartForm.File],
        in channel: String
    ) async -> HubSendResult {
        if SendPlan.needsLook(firstTried: send.firstTriedMs, now: WallClock.milliseconds) {
            switch await look(for: send, body, in: channel) {
            case .success(let found?):
                return SendPlan.result(.success(found), place: "", random: 0)
            case .success(nil): break
            case .failure(let failure):
                // Not knowing, it is not sent: it might be the second time.
                return SendPlan.result(
                    .failure(failure),
                    place: "channel \(channel)",
                    random: .random(in: 0..<1)
                )
            }
        }
        let path = "/channels/\(channel)/messages"
        let outcome = await api.call(call("POST", path, path, body.message, files))
        return finish(outcome, in: channel)
    }

    private func finish(_ outcome: Result<JSON, CallFailure>, in channel: String) -> HubSendResult {
        let id = outcome.flatMap { json -> Result<String, CallFailure> in
            guard let id = json["id"]?.string else { return .failure(.unknown("Discord named no message")) }
            return .success(id)
        }
        if case .success(let id) = id { names.noteSent(id) }
        return SendPlan.result(id, place: "channel \(channel)", random: .random(in: 0..<1))
    }

    /// The message of this row among those that the channel has had since the first try, when a try did arrive.
    private func look(for send: HubSend, _ body: MessageBody, in channel: String) async -> Result<String?, CallFailure>
    {
        if let known = names.message(bearing: send.nonce) { return .success(known) }
        // Half a minute of doubt about whose clock is right.
        var after = Snowflake.id(atMilliseconds: send.firstTriedMs - 30_000)
        for _ in 0..<DiscordLimits.lookPages {
            switch await api.call(.messages(in: channel, after: after, limit: 100)) {
            case .failure(let failure): return .failure(failure)
            case .success(let json):
                let rows = json.array ?? []
                if let found = rows.first(where: { isThis($0, send, body) })?["id"]?.string { return .success(found) }
                let last = rows.compactMap { $0["id"]?.string }.max { Snowflake.precedes($0, $1) }
                guard rows.count >= 100, let last, Snowflake.isValid(last), last != after else { return .success(nil) }
                after = last
            }
        }
        return .success(nil)
    }

    private func isThis(_ row: JSON, _ send: HubSend, _ body: MessageBody) -> Bool {
        guard row["author"]?["id"]?.string == cursor.current.botID, let id = row["id"]?.string else { return false }
        if row["nonce"]?.string == send.nonce, !send.nonce.isEmpty { return true }
        // The same words of another row are known when this process sent them or was told of them; or they carry a nonce.
        let hasSameFiles = (row["attachments"]?.array?.count ?? 0) == body.files.count
        let isOther = row["nonce"]?.string.map { !$0.isEmpty } ?? false
        return row["content"]?.string == body.text && hasSameFiles && !isOther && !names.isOwn(id)
    }

    // MARK: Interactions

    /// Nil when the message has to go to the channel as any other.
    private func answerInteraction(
        _ send: HubSend,
        _ target: ReplyTarget,
        _ body: MessageBody,
        _ files: [MultipartForm.File]
    ) async -> HubSendResult? {
        guard let interaction = target.interaction else { return nil }
        let age = WallClock.milliseconds - interaction.made
        // Its token is good for fifteen minutes; the last half of one is left alone.
        guard age < 870_000 else { return nil }
        let base = "/webhooks/\(interaction.application)/\(interaction.token)"
        let route = "/webhooks/\(interaction.application)"
        let outcome: Result<JSON, CallFailure>
        // Replacing may be repeated; a further message knows no nonce.
        var isRepeatable = true
        switch await isFree(interaction, row: send.row, body, base, route, inDoubt: send.inDoubt) {
        case .taken(let message): return SendPlan.result(.success(message), place: "", random: 0)
        case .free:
            outcome = await api.call(call("PATCH", "\(base)/messages/@original", route, body.answer, files))
            if case .success = outcome { filled.withLock { $0.set(send.row, for: interaction.token) } }
        case .used:
            isRepeatable = false
            outcome = await api.call(call("POST", base, route, body.answer, files))
        case .hidden(let failure): outcome = .failure(failure)
        case .gone: return nil
        }
        switch outcome {
        // The token is not good any more: as a message of its own.
        case .failure(.refused(401, _, _)), .failure(.refused(404, _, _)), .failure(.badToken): return nil
        case .failure(.unknown):
            var result = finish(outcome, in: target.channel ?? "")
            result.possibleDuplicate = !isRepeatable
            return result
        default:
            var result = finish(outcome, in: target.channel ?? "")
            result.possibleDuplicate = send.inDoubt && !isRepeatable
            return result
        }
    }

    private enum Place {
        /// "is thinking…" stands there still.
        case free
        /// Something else replaced it.
        case used
        /// This very row replaced it.
        case taken(String)
        /// It cannot be seen now: what is replaced blindly may be an answer.
        case hidden(CallFailure)
        case gone
    }

    private func isFree(
        _ interaction: ReplyTarget.Interaction,
        row: UInt64,
        _ body: MessageBody,
        _ base: String,
        _ route: String,
        inDoubt: Bool
    ) async -> Place {
        guard interaction.isDeferred else { return .used }
        if let by = filled.withLock({ $0.value(interaction.token) }) { return by == row ? .free : .used }
        let call = DiscordCall(method: .GET, path: "\(base)/messages/@original", route: "GET \(route)")
        // Deferring takes its moment, and a restarted worker does not know whether it was done.
        for _ in 0..<10 {
            switch await api.call(call) {
            case .success(let json):
                // 128: "is thinking…"
                if (json["flags"]?.integer ?? 0) & 128 != 0 { return .free }
                let isSame = json["content"]?.string == body.text && !body.text.isEmpty
                if isSame, inDoubt, let id = json["id"]?.string { return .taken(id) }
                return .used
            case .failure(.refused):
                guard WallClock.milliseconds - interaction.made < 5000 else { return .gone }
                try? await Task.sleep(for: .milliseconds(200))  // cancelled: the process ends
            case .failure(let failure): return .hidden(failure)
            }
        }
        return .gone
    }

    // MARK: What is done to messages

    private func act(_ content: HubOutgoing, _ target: ReplyTarget, in channel: String) async -> HubSendResult {
        let id = content.messageID.isEmpty ? target.message ?? "" : content.messageID
        guard Snowflake.isValid(id) else { return Self.rejected("there is no message to do that to") }
        let path = "/channels/\(channel)/messages/\(id)"
        let route = "/channels/\(channel)/messages/id"
        let call: DiscordCall
        switch content.kind {
        case .reaction:
            guard let emoji = EmojiName.path(content.emoji) else {
                return Self.rejected("“\(content.emoji.prefix(40))” is no emoji that Discord knows")
            }
            call = DiscordCall(
                method: content.remove ? .DELETE : .PUT,
                path: "\(path)/reactions/\(emoji)/@me",
                // Putting and taking away share a limit.
                route: "PUT \(route)/reactions"
            )
        case .edit:
            var body = MessageBody(content: content, text: content.text, nonce: "")
            if body.text.utf16.count > DiscordLimits.textUnits {
                return Self.rejected("the new text has more than \(DiscordLimits.textUnits) characters")
            }
            body.reply = nil
            call = DiscordCall(method: .PATCH, path: path, route: "PATCH \(route)", body: .json(body.answer))
        case .delete, .message, .UNRECOGNIZED:
            call = DiscordCall(method: .DELETE, path: path, route: "DELETE \(route)")
        }
        let outcome = await api.call(call).map { _ in id }
        // What is gone already needs no deleting.
        if content.kind == .delete, case .failure(.refused(404, _, _)) = outcome {
            return SendPlan.result(.success(id), place: "", random: 0)
        }
        return SendPlan.result(outcome, place: "channel \(channel)", random: .random(in: 0..<1))
    }
}
