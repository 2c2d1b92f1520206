internal import ArgumentParser
internal import Runtime

/// Which item of the queue a person means.
enum QueueChoice {
    /// The id of the item that `name` means. Asks for the list only when `name` is no whole id.
    static func id(_ name: String, _ gateway: GatewayCall) throws -> String {
        // An outbox or inbox number is whole as it is; whether it exists the gateway says.
        let halves = name.split(separator: ":", maxSplits: 1)
        if halves.count == 2, ["inbox", "outbox"].contains(halves[0]), UInt64(halves[1]) != nil { return name }
        let list = try gateway.call("queue.list", ["state": "all", "limit": 500], repeats: true)
        return try one(name, among: (list["items"]?.array ?? []).compactMap { $0["id"]?.string })
    }

    /// The one id that is `name`, or that begins with it, with or without its kind.
    static func one(_ name: String, among ids: [String]) throws(CommandFailure) -> String {
        if ids.contains(name) { return name }
        let shown = Words.plain(String(name.prefix(60)))
        let matches = ids.filter { id in
            id.hasPrefix(name) || id.drop { $0 != ":" }.dropFirst().hasPrefix(name)
        }
        if matches.count == 1, !name.isEmpty { return matches[0] }
        guard matches.isEmpty || name.isEmpty else {
            let some = matches.prefix(8).map { Words.plain($0) }.joined(separator: ", ")
            throw CommandFailure(text: "\"\(shown)\" could be any of: \(some). Type more of it.", code: 2)
        }
        // Older than the list, and typed in full.
        if name.hasPrefix("turn:") { return name }
        let near = NearestName.of(name, among: ids).map { " Did you mean \(Words.plain($0))?" } ?? ""
        throw CommandFailure(
            text: "The queue has no \"\(shown)\".\(near)\nSee it all:  clawhold queue --state all",
            code: 2
        )
    }

    /// Calls `method` for each, says what became of it. Throws when it failed for one or more; the others were done all
    /// the same.
    static func perform(
        _ method: String,
        _ names: [String],
        _ common: CommonOptions,
        _ words: (String) -> String
    ) throws {
        let gateway = try common.discovery.gateway()
        // Names first: nothing is done when one of them is a typing error.
        let ids = try names.map { try id($0, gateway) }
        var results: [String] = []
        var isDone = true
        for id in ids {
            do {
                let answer = try gateway.call(method, ["id": .string(id)])
                results.append(answer.text)
                if !common.json { Terminal.say(Words.plain(words(id))) }
            } catch let refused as GatewayCall.Refused {
                isDone = false
                let members: [(String, JSONText.Value)] = [
                    ("ok", .bool(false)), ("id", .string(id)), ("message", .string(refused.message)),
                ]
                results.append(JSONText.object(members))
                if !common.json { Terminal.complain(Words.plain(refused.message)) }
            }
        }
        if common.json { Terminal.say(JSONText.array(results)) }
        if !isDone { throw ExitCode(1) }
    }
}

/// What was probably meant.
enum NearestName {
    /// The name that begins with `name` or differs from it by a third at most; nil when nothing comes near.
    static func of(_ name: String, among names: [String]) -> String? {
        let wanted = String(name.lowercased().prefix(60))
        if wanted.count >= 2, let first = names.first(where: { $0.lowercased().hasPrefix(wanted) }) { return first }
        let ranked = names.map { ($0, WorkerChoice.distance(Array(wanted.utf8), Array($0.lowercased().utf8))) }
        guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 * 3 <= max(3, wanted.utf8.count) else { return nil }
        return best.0
    }
}
