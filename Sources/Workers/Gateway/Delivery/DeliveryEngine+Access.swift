internal import Config
internal import FoundationEssentials
internal import IPCControl
internal import IPCHub
internal import Journal

extension DeliveryEngine {
    package func pairingRequests(channel: String?) async throws(ConversationError) -> [PendingPairing] {
        let channels = try channels(channel)
        let now = Self.now
        let found = try await files { store throws(PairingDisk.Failure) in try store.requests(channels, now: now) }
        return found.map { PendingPairing(channel: $0.channel, request: $0.1) }
    }

    package func approvePairing(
        channel: String,
        code: String,
        notify: Bool
    ) async throws(ConversationError) -> PairingApproval? {
        let channel = try channels(channel)[0]
        let now = Self.now
        let accounts = config.channels.filter { $0.channel == channel }
        let names = accounts.map(\.account)
        let found = try await files { store throws(PairingDisk.Failure) in
            (try store.approve(channel, code: code, now: now), try store.approved(channel, accounts: names))
        }
        guard let request = found.0 else { return nil }
        let lists = Dictionary(accounts.map { ($0.worker, found.1[$0.account] ?? []) }) { first, _ in first }
        // The loop lives as long as the process.
        try? await onLoop { $0.apply(.admitted(lists)) }
        let account = request.meta["accountId"] ?? "default"
        let target = request.meta[PairingRequest.targetKey].flatMap(Hex.decode)
        guard notify, let target, let access = accounts.first(where: { $0.account == account }) else {
            return PairingApproval(id: request.id, isNotified: false)
        }
        let notice = NewNotice(conversation: request.id, target: target, text: PairingWords.approved)
        await self.notify(
            channel: access.worker,
            notice,
            origin: "paired:\(access.worker):\(request.id):\(request.createdAt)"
        )
        return PairingApproval(id: request.id, isNotified: true)
    }

    package func why(channel: String?, account: String?, limit: Int) async throws(ConversationError) -> WhyReport {
        let chosen = config.channels.filter {
            (channel == nil || $0.channel == channel) && (account == nil || $0.account == account)
        }
        guard !chosen.isEmpty else { throw .invalid(Self.noChannel(channel, account, config)) }
        let workers = chosen.map(\.worker)
        var report = WhyReport()
        let links = try? await onLoop { engine in  // the loop lives
            workers.map { engine.core.linkWords(of: $0) }
        }
        report.channels = zip(chosen, links ?? []).map { access, link in
            var row = link
            row.policies = PolicyWords(access: access).lines
            return row
        }
        do {
            (report.items, report.counts) = try await writer.commit(.relaxed) { journal throws(JournalError) in
                (try journal.ignored(of: workers, limit: limit), try journal.ignoredCounts(of: workers))
            }
        } catch {
            throw .unavailable("The journal does not answer: \(error).")
        }
        return report
    }

    /// Configured networks that have a pairing file; with a name only that one.
    private func channels(_ name: String?) throws(ConversationError) -> [String] {
        let all = Set(config.channels.map(\.channel)).sorted()
        guard let name else { return all }
        guard all.contains(name) else { throw .invalid(Self.noChannel(name, nil, config)) }
        return [name]
    }

    private static func noChannel(_ channel: String?, _ account: String?, _ config: GatewayConfig) -> String {
        let known = config.channels.map { "\($0.channel) (\($0.account))" }.sorted().joined(separator: ", ")
        let name = Shown.text([channel, account].compactMap(\.self).joined(separator: " "))
        return known.isEmpty ? "no channel is configured" : "no channel \"\(name)\"; configured: \(known)"
    }

    private func files<Value: Sendable>(
        _ work: @escaping @Sendable (PairingStore) throws(PairingDisk.Failure) -> Value
    ) async throws(ConversationError) -> Value {
        do {
            return try await pairing.run(work)
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}

extension DeliveryCore {
    /// What is known of a channel's connection.
    func linkWords(of worker: String) -> WhyChannel {
        let parts = worker.split(separator: ":").map(String.init)
        var words = WhyChannel(channel: parts.count > 1 ? parts[1] : worker, account: parts.count > 2 ? parts[2] : "")
        let status = channelStatus[worker]?.facts
        words.isConnected = links[worker] != nil && status?.isConnected == true
        words.error = Shown.text(status?.error ?? "", limit: 500)
        if let row = table[worker], row.state != "ready" {
            words.error = row.reason.isEmpty ? "its worker is \(row.state)" : Shown.text(row.reason, limit: 500)
        }
        words.warnings = (status?.warnings ?? []).prefix(20).map { Shown.text($0, limit: 500) }
        return words
    }
}
