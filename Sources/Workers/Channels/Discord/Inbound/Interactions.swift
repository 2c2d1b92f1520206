internal import Config
internal import Logging
internal import NIOHTTP1
internal import Runtime
internal import Synchronization

/// Answers what Discord wants answered within three seconds, whatever the gateway does, and says which dispatches are
/// events of ours.
///
/// A slash command or a pressed button is deferred as soon as the journal has it, and after two seconds in any case: the
/// event is then here still and is journaled later, and its sender is not told that the bot does not respond.
final class Interactions: Sendable {
    private let api: DiscordAPI
    private let commands: [NativeCommand]?
    private let log: Logger
    private let pending = Mutex<[String: Pending]>([:])

    private struct Pending: Sendable {
        var token: String
        /// 5: "is thinking…"; 6: the button's message stays as it is.
        var answer: Int
        var timer: Task<Void, Never>?
    }

    static let patience = Duration.seconds(2)
    static let pendingLimit = 256
    /// Marks the buttons that this worker made.
    static let buttonPrefix = "cw"

    init(api: DiscordAPI, commands: [NativeCommand]?, log: Logger) {
        self.api = api
        self.commands = commands
        self.log = log
    }

    /// Whether a dispatch starts or tells something. Interactions that need no turn are answered here.
    func isJournaled(_ type: String, _ data: RawJSON, bot: BotIdentity) -> Bool {
        switch type {
        case "MESSAGE_CREATE":
            let author = try? data.members(["author"])["author"]?.members(["id"])["id"]?.id
            return author != bot.id
        case "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE":
            return (try? data.members(["user_id"]))?["user_id"]?.id != bot.id
        case "INTERACTION_CREATE": return arrived(data)
        default: return false
        }
    }

    private func arrived(_ data: RawJSON) -> Bool {
        guard let members = try? data.members(["id", "token", "type", "data"]), let id = members["id"]?.id,
            let token = members["token"]?.text(limit: 1024), Self.isToken(token), let body = members["data"]?.parsed
        else {
            log.warning("an interaction that cannot be read was left out")
            return false
        }
        switch members["type"]?.integer {
        case 2?:
            let name = body["name"]?.string ?? ""
            guard commands == nil || commands?.contains(where: { $0.name == name }) == true else {
                answer(id, token, refusal("This bot has no command /\(name.prefix(32)). Type / to see what it has."))
                return false
            }
            schedule(id, token, 5)
            return true
        case 3?:
            guard body["custom_id"]?.string?.hasPrefix(Self.buttonPrefix) == true else {
                answer(id, token, refusal("This button is no longer in use."))
                return false
            }
            schedule(id, token, 6)
            return true
        case 4?:
            answer(id, token, ["type": 8, "data": ["choices": .array(choices(body))]])
            return false
        default:
            answer(id, token, refusal("This bot does not understand that."))
            return false
        }
    }

    private func refusal(_ words: String) -> JSON {
        // 64: seen by the one who asked alone.
        ["type": 4, "data": ["content": .string(words), "flags": 64]]
    }

    /// What may follow a command: the words of its specification that begin as typed, 25 at most.
    private func choices(_ body: JSON) -> [JSON] {
        let name = body["name"]?.string ?? ""
        let focused = body["options"]?.array?.first { $0["focused"]?.bool == true }
        let typed = (focused?["value"]?.string ?? "").lowercased()
        let known = commands?.first { $0.name == name }
        return CommandList.choices(known).filter { typed.isEmpty || $0.lowercased().hasPrefix(typed) }.prefix(25).map {
            ["name": .string($0), "value": .string($0)]
        }
    }

    private func schedule(_ id: String, _ token: String, _ answer: Int) {
        let isRoom = pending.withLock { pending in
            guard pending.count < Self.pendingLimit, pending[id] == nil else { return false }
            pending[id] = Pending(token: token, answer: answer)
            return true
        }
        guard isRoom else { return }
        // Ends by itself; cancelled when the journal was faster.
        let timer = Task { [weak self] in
            do { try await Task.sleep(for: Self.patience) } catch { return }
            self?.journaled(id)
        }
        pending.withLock { $0[id]?.timer = timer }
    }

    /// The journal has it: it is deferred now.
    func journaled(_ id: String) {
        guard let pending = pending.withLock({ $0.removeValue(forKey: id) }) else { return }
        pending.timer?.cancel()
        answer(id, pending.token, ["type": .integer(Int64(pending.answer))])
    }

    private func answer(_ id: String, _ token: String, _ body: JSON) {
        let call = DiscordCall(
            method: .POST,
            path: "/interactions/\(id)/\(token)/callback",
            route: "POST /interactions/callback/\(id)",
            body: .json(body),
            timeout: .seconds(3),
            isFree: true
        )
        // Best effort, three seconds at most: afterwards Discord takes no answer any more.
        Task { [api, log] in
            guard case .failure(let failure) = await api.call(call, patience: .seconds(2)) else { return }
            // 40060: answered before, by this worker's last incarnation.
            if case .refused(_, 40060, _) = failure { return }
            log.warning("a command or button was not confirmed to Discord in time: \(failure.words)")
        }
    }

    /// Guards the address that it becomes part of.
    static func isToken(_ token: String) -> Bool {
        (1...512).contains(token.utf8.count)
            && token.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: "="):
                    true
                default: false
                }
            }
    }
}
