internal import Config

/// channels.status, .start, .stop, .restart, .logout (spec/gateway-protocol.md 2.8, `docs/rpc.md`).
enum ChannelMethods {
    static let all = [
        Method("channels.status", .read, status),
        Method("channels.start", .admin, start),
        Method("channels.stop", .admin, stop),
        Method("channels.restart", .admin, restart),
        Method("channels.logout", .admin, logout),
    ]

    // MARK: status

    private static func status(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["probe", "timeoutMs"])
        let isProbe = reader.bool("probe") ?? false
        let given = reader.integer("timeoutMs", in: 0...Int64.max) ?? 10_000
        guard reader.isValid else { throw reader.error(method: "channels.status") }
        // OpenClaw's page asks with less and with more: what is out of bounds is brought into them.
        let limit = min(max(given, 1000), 30_000)
        let rows = await context.conversations.workers()
        let wall = context.clock.wall()
        let ids = ChannelsReport.accounts(config: context.config, workers: rows).map(\.worker)
        let facts = await context.conversations.channels(ids, ignoredSince: LocalDay.start(wall))
        var report = ChannelsReport(config: context.config, workers: rows, facts: facts)
        // A file that cannot be read leaves the count out; pairing.list says why.
        if let waiting = try? await context.conversations.pairingRequests(channel: nil) {
            report.pairing = Dictionary(waiting.map { ($0.channel, 1) }, uniquingKeysWith: +)
        }
        if isProbe {
            let ready = rows.filter { $0.state == "ready" && HealthReport.ChannelWorker($0) != nil }.map(\.id)
            report.probes = await probe(ready, limit, context)
        }
        return .success(report.payload(wall: context.clock.wall()))
    }

    /// Asks all of them at once; who does not answer in time has failed.
    private static func probe(_ workers: [String], _ limit: Int64, _ context: MethodContext) async -> [String:
        WireValue]
    {
        let conversations = context.conversations
        // The worker gives up a little earlier than we do, so that it is its reason that is told.
        let params: WireValue = ["timeoutMs": .integer(limit - limit / 10)]
        let bytes = params.encoded()
        return await withTaskGroup(of: (String, WireValue).self) { group in
            for worker in workers {
                group.addTask {
                    do throws(ConversationError) {
                        let answer = try await conversations.ask(
                            worker: worker,
                            method: "probe",
                            params: bytes,
                            milliseconds: limit
                        )
                        return (worker, read(answer))
                    } catch {
                        return (worker, ["ok": false, "error": .string(RPCError(error).message)])
                    }
                }
            }
            var probes: [String: WireValue] = [:]
            for await (worker, probe) in group { probes[worker] = probe }
            return probes
        }
    }

    /// A worker's answer is not to be trusted to be JSON.
    private static func read(_ answer: [UInt8]) -> WireValue {
        guard answer.count <= 256 * 1024, let value = try? WireParser.parse(answer), value.members != nil else {
            return ["ok": false, "error": "its worker's answer makes no sense"]
        }
        return value
    }

    // MARK: start, stop, restart

    private static func start(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try await order("channels.start", context, params) { state in
            ["starting", "ready"].contains(state) ? nil : .restart
        }
    }

    private static func stop(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try await order("channels.stop", context, params) { _ in .stop }
    }

    private static func restart(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try await order("channels.restart", context, params) { _ in .restart }
    }

    /// - Parameter order: what a worker in this state is told; nil: it is there already.
    private static func order(
        _ method: String,
        _ context: MethodContext,
        _ params: WireValue,
        _ order: (_ state: String) -> WorkerOrder?
    ) async throws(RPCError) -> RPCAnswer {
        let (channel, account) = try target(params, method)
        let chosen = try await accounts(channel, account, context)
        let rows = await context.conversations.workers()
        let found = chosen.compactMap { account in
            rows.first { $0.id == account.worker }.map { (account.account, $0) }
        }
        guard !found.isEmpty else {
            throw .invalid("\(channel) has no worker: channels.status says why")
        }
        for (_, row) in found {
            if let order = order(row.state) { context.command(order, row.id) }
        }
        return .success([
            "ok": true, "channel": .string(channel), "accountIds": .array(found.map { .string($0.0) }),
        ])
    }

    private static func target(_ params: WireValue, _ method: String) throws(RPCError) -> (String, String?) {
        var reader = ParamReader(params)
        reader.allow(["channel", "accountId"])
        let channel = reader.string("channel", required: true, longest: 64)?.lowercased()
        let account = reader.string("accountId", longest: 64)?.lowercased()
        guard reader.isValid, let channel else { throw reader.error(method: method) }
        guard channel != "webchat" else {
            throw .invalid("WebChat is the gateway itself: workers.restart gateway")
        }
        return (channel, account)
    }

    private static func accounts(
        _ channel: String,
        _ account: String?,
        _ context: MethodContext
    ) async throws(RPCError) -> [ChannelsReport.Account] {
        let all = ChannelsReport.accounts(config: context.config, workers: await context.conversations.workers())
        let ofChannel = all.filter { $0.channel == channel }
        guard !ofChannel.isEmpty else {
            throw .invalid("no channel \"\(channel)\": channels.status has the names")
        }
        let chosen = ofChannel.filter { account == nil || $0.account == account }
        guard !chosen.isEmpty else {
            let names = ofChannel.map(\.account).joined(separator: ", ")
            throw .invalid("\(channel) has no account \"\(account ?? "")\"; it has: \(names)")
        }
        return chosen
    }

    // MARK: logout

    /// There is nothing to log out of where a token is the login: what would be forgotten stands in a file that is the
    /// owner's.
    private static func logout(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        let (channel, account) = try target(params, "channels.logout")
        let chosen = try await accounts(channel, account, context)
        let sources = Set(chosen.compactMap { $0.listing?.tokenSource })
        let place =
            sources == [.env]
            ? "the environment variable that holds its token"
            : "its token from channels.\(channel) in the configuration"
        throw .invalid(
            "\(channel) logs in with a token, so there is no login to end: channels.stop keeps it off until channels.start; "
                + "to make it forget the bot, remove \(place)"
        )
    }
}
