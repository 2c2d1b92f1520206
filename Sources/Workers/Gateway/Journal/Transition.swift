internal import Synchronization

/// How a transition's commit is kept, and what happens to it on a full disk.
package enum JournalDurability: Sendable {
    /// New work: fsynced; refused at once while the disk is full.
    case intake
    /// Fsynced; waits for space.
    case synced
    /// Survives the death of every process, not that of the machine; waits for space.
    case relaxed
}

/// A transition that waits for the writer, whatever it returns.
protocol PendingTransition: AnyObject, Sendable {
    var durability: JournalDurability { get }
    /// May run more than once: a batch that failed is rolled back and tried again.
    func run(on journal: any DeliveryJournal) throws(JournalError)
    /// After the commit (nil), or when there will be none.
    func finish(_ error: JournalError?)
}

/// One transition with its result, and who waits for it.
final class Transition<Value: Sendable>: PendingTransition {
    let durability: JournalDurability
    private let work: @Sendable (any DeliveryJournal) throws(JournalError) -> Value
    private let done: @Sendable (Result<Value, JournalError>) -> Void
    private let value = Mutex<Value?>(nil)

    init(
        _ durability: JournalDurability,
        work: @escaping @Sendable (any DeliveryJournal) throws(JournalError) -> Value,
        done: @escaping @Sendable (Result<Value, JournalError>) -> Void
    ) {
        self.durability = durability
        self.work = work
        self.done = done
    }

    func run(on journal: any DeliveryJournal) throws(JournalError) {
        let result = try work(journal)
        value.withLock { $0 = result }
    }

    func finish(_ error: JournalError?) {
        if let error { return done(.failure(error)) }
        guard let value = value.withLock({ $0 }) else { return done(.failure(.closed)) }
        done(.success(value))
    }
}
