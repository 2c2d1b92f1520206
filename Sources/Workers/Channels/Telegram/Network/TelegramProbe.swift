internal import FoundationEssentials

/// What Telegram says about the bot when it is asked: the `probe` of a channel (spec 2.2), with an audit of the groups
/// that the configuration names.
struct TelegramProbe {
    let api: BotAPI
    let groups: [Int64]
    let needsAllMessages: Bool

    /// Groups that one probe asks about.
    static let groupLimit = 20

    struct Answer: Encodable, Equatable {
        struct Bot: Encodable, Equatable {
            var id: Int64
            var username: String?
            var canJoinGroups: Bool?
            var canReadAllGroupMessages: Bool?
            var supportsInlineQueries: Bool?
        }
        struct Webhook: Encodable, Equatable {
            var url: String
            var hasCustomCert: Bool
        }
        struct Audit: Encodable, Equatable {
            struct Group: Encodable, Equatable {
                var chatId: String
                var ok: Bool
                var status: String?
                var error: String?
            }
            var ok: Bool
            var checkedGroups: Int
            /// Groups beyond the limit, which were not asked about.
            var unresolvedGroups: Int
            var groups: [Group]
        }
        var ok = false
        /// The status of the answer that decided; nil when none came.
        var status: Int?
        var error: String?
        var elapsedMs: Int64 = 0
        var bot: Bot?
        var webhook: Webhook?
        var audit: Audit?
        var warnings: [String] = []
    }

    private struct Params: Decodable {
        var timeoutMs: Int?
    }

    /// Answers within `timeoutMs` of `params` (1 s to 25 s, 10 s unless said), as JSON.
    func answer(_ params: [UInt8]) async -> [UInt8] {
        let asked = (try? JSONDecoder().decode(Params.self, from: Data(params)))?.timeoutMs ?? 10_000
        let time = Duration.milliseconds(min(max(asked, 1000), 25_000))
        let began = ContinuousClock.now
        var answer = await self.answer(until: began + time)
        let elapsed = (ContinuousClock.now - began).components
        answer.elapsedMs = elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Text and integers only: encoding them cannot fail.
        return Array((try? encoder.encode(answer)) ?? Data("{}".utf8))
    }

    private func answer(until deadline: ContinuousClock.Instant) async -> Answer {
        var answer = Answer()
        func within(_ call: BotCall) -> BotCall {
            var call = call
            call.timeout = max(.milliseconds(100), ContinuousClock.now.duration(to: deadline))
            return call
        }
        let me: Bot.Me
        switch await api.call(within(.getMe), Bot.Me.self) {
        case .success(let found): me = found
        case .failure(let failure):
            answer.status = failure.status
            answer.error = failure.words
            return answer
        }
        answer.ok = true
        answer.status = 200
        answer.bot = Answer.Bot(
            id: me.id,
            username: me.username,
            canJoinGroups: me.canJoinGroups,
            canReadAllGroupMessages: me.canReadAllGroupMessages,
            supportsInlineQueries: me.supportsInlineQueries
        )
        if case .success(let info) = await api.call(within(.getWebhookInfo), Bot.WebhookInfo.self) {
            answer.webhook = Answer.Webhook(url: info.url ?? "", hasCustomCert: info.hasCustomCertificate ?? false)
            if let last = info.lastErrorMessage, info.url?.isEmpty == false {
                answer.warnings.append("Telegram's last call of the webhook failed: \(last.prefix(300))")
            }
        }
        if needsAllMessages, me.canReadAllGroupMessages == false {
            answer.warnings.append(
                "privacy mode is on (@BotFather, /setprivacy, Disable), and groups are to be read whole"
            )
        }
        if !groups.isEmpty { answer.audit = await audit(me.id, within) }
        return answer
    }

    private func audit(_ bot: Int64, _ within: (BotCall) -> BotCall) async -> Answer.Audit {
        var audit = Answer.Audit(ok: true, checkedGroups: 0, unresolvedGroups: 0, groups: [])
        for chat in groups.prefix(Self.groupLimit) {
            var group = Answer.Audit.Group(chatId: String(chat), ok: false)
            let call = within(.getChatMember(chat, user: bot, timeout: .seconds(5)))
            switch await api.call(call, Bot.ChatMember.self) {
            case .success(let member):
                group.status = member.status
                group.ok = ["creator", "administrator", "member", "restricted"].contains(member.status)
                if !group.ok { group.error = "the bot is not in this group: add it there" }
            case .failure(let failure): group.error = failure.words
            }
            audit.ok = audit.ok && group.ok
            audit.checkedGroups += 1
            audit.groups.append(group)
        }
        audit.unresolvedGroups = groups.count - audit.checkedGroups
        return audit
    }
}
