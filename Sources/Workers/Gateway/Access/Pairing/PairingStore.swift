internal import NIOPosix

/// The pairing files of all channels. Its own thread does the reading and writing, one thing after another.
///
/// What OpenClaw wrote is read, what we write it reads: `<channel>-pairing.json` and `<channel>-allowFrom.json`. Newer
/// versions have a list of people per account as well (`<channel>-<account>-allowFrom.json`), which is read.
final class PairingStore: Sendable {
    private let disk: PairingDisk
    private let pool: NIOThreadPool
    private let warn: @Sendable (String) -> Void

    init(stateDirectory: String, warn: @escaping @Sendable (String) -> Void) {
        disk = PairingDisk(directory: stateDirectory + "/credentials")
        self.warn = warn
        pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
    }

    deinit {
        pool.shutdownGracefully { _ in }
    }

    /// Runs `work` on the store's thread, then `done` there.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable (PairingStore) throws(PairingDisk.Failure) -> Value,
        done: @escaping @Sendable (Result<Value, PairingDisk.Failure>) -> Void
    ) {
        pool.submit { [self] state in
            guard state == .active else { return done(.failure(.init(description: "the gateway is going"))) }
            do throws(PairingDisk.Failure) {
                done(.success(try work(self)))
            } catch {
                done(.failure(error))
            }
        }
    }

    func run<Value: Sendable>(
        _ work: @escaping @Sendable (PairingStore) throws(PairingDisk.Failure) -> Value
    ) async throws(PairingDisk.Failure) -> Value {
        let result = await withCheckedContinuation { continuation in
            run(work) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    // MARK: On the store's thread

    /// A stranger wrote. The lists are read again first: somebody may have let him in meanwhile.
    func ask(_ question: PairingQuestion, now: Int64) throws(PairingDisk.Failure) -> PairingAnswer {
        let lists = try approved(question.channel, accounts: [question.account])
        let own = SenderList(lists[question.account] ?? [], channel: question.channel)
        if own.names(id: question.id, username: "") { return .approved(lists[question.account] ?? []) }
        let name = "\(question.channel)-pairing.json"
        return try disk.locked(name) { () throws(PairingDisk.Failure) in
            var book = try book(name, now: now)
            let asked = book.ask(id: question.id, meta: question.meta, now: now, fresh: PairingCode.fresh)
            if asked != .full { try disk.write(name, PairingJSON.encoded(book.requests)) }
            return .asked(asked)
        }
    }

    /// Requests of these channels that wait, oldest first.
    func requests(_ channels: [String], now: Int64) throws(PairingDisk.Failure) -> [(channel: String, PairingRequest)] {
        var all: [(channel: String, PairingRequest)] = []
        for channel in channels {
            guard let bytes = try disk.read("\(channel)-pairing.json") else { continue }
            all += PairingBook(PairingJSON.requests(bytes) ?? [], now: now).requests.map { (channel, $0) }
        }
        return all.sorted { $0.1.createdAt < $1.1.createdAt }
    }

    /// Nil: no such code waits. The person is on the list before the request is gone.
    func approve(_ channel: String, code: String, now: Int64) throws(PairingDisk.Failure) -> PairingRequest? {
        let name = "\(channel)-pairing.json"
        return try disk.locked(name) { () throws(PairingDisk.Failure) in
            var book = try book(name, now: now)
            guard let request = book.approve(code: code) else { return nil }
            try allow(request.id, channel: channel, now: now)
            try disk.write(name, PairingJSON.encoded(book.requests))
            return request
        }
    }

    /// The people who were let in, by account.
    func approved(_ channel: String, accounts: [String]) throws(PairingDisk.Failure) -> [String: [String]] {
        let common = try list("\(channel)-allowFrom.json", channel: channel)
        var lists: [String: [String]] = [:]
        for account in accounts {
            lists[account] = common + (try list("\(channel)-\(account)-allowFrom.json", channel: channel))
        }
        return lists
    }

    private func allow(_ id: String, channel: String, now: Int64) throws(PairingDisk.Failure) {
        let name = "\(channel)-allowFrom.json"
        guard let entry = PairingJSON.normal(id, channel: channel) else {
            throw .init(description: "\(id.debugDescription.prefix(80)) is not somebody who can be let in")
        }
        try disk.locked(name) { () throws(PairingDisk.Failure) in
            var people: [String] = []
            if let bytes = try disk.read(name) {
                if let known = PairingJSON.allowFrom(bytes, channel: channel) {
                    people = known
                } else {
                    warn("\(disk.path(name)) was no JSON and is kept as \(try disk.moveAside(name, now: now))")
                }
            }
            guard !people.contains(entry) else { return }
            guard people.count < PairingJSON.mostEntries else {
                throw .init(description: "\(disk.path(name)) has \(people.count) entries, which is the most")
            }
            try disk.write(name, PairingJSON.encoded(allowFrom: people + [entry]))
        }
    }

    private func book(_ name: String, now: Int64) throws(PairingDisk.Failure) -> PairingBook {
        guard let bytes = try disk.read(name) else { return PairingBook([], now: now) }
        guard let requests = PairingJSON.requests(bytes) else {
            warn("\(disk.path(name)) was no JSON and is kept as \(try disk.moveAside(name, now: now))")
            return PairingBook([], now: now)
        }
        return PairingBook(requests, now: now)
    }

    private func list(_ name: String, channel: String) throws(PairingDisk.Failure) -> [String] {
        guard let bytes = try disk.read(name) else { return [] }
        return PairingJSON.allowFrom(bytes, channel: channel) ?? []
    }
}

/// A stranger's message, as the store needs to know it.
struct PairingQuestion: Sendable {
    /// `telegram`.
    var channel: String
    var account: String
    var id: String
    var meta: [String: String]
}

/// What the files say of a stranger.
enum PairingAnswer: Sendable, Equatable {
    /// He is none: the whole list that he is on.
    case approved([String])
    case asked(PairingBook.Asked)
}
