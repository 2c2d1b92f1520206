/// A call with what only this worker needs of it.
struct LiveCall: Sendable {
    var machine: CallMachine
    var talk = Talk()
    /// Counts changes of the record: which of them is kept, and which could not be.
    var version = 1
    var saved = 0
    var failed = 0
    var saveError = ""
    var isSaving = false

    init(_ machine: CallMachine) { self.machine = machine }
}

/// The conversation of a call: what is to be said, and when that may be done how.
struct Talk: Sendable {
    /// Texts of one call that wait; more are to be tried again.
    static let queueLimit = 16

    var queue: [Utterance] = []
    /// From then on a request of ours may say something; before that a request of the provider will come and take it.
    var restFrom = Int64.max
    /// Requests of the provider that wait here for something to say.
    var held = 0
    /// When the caller last spoke without an answer so far.
    var heardAt: Int64?
    var isPatienceSaid = false
    /// Times in a row that nothing was heard.
    var silences = 0
    /// The first words were given.
    var isBegun = false
    var listener: Listener?

    /// The first that nobody has taken, when nothing before it is being said.
    var next: Int? { queue.first.map { !$0.isTaken && $0.result == nil } == true ? 0 : nil }
}

/// A text that is to be said once.
struct Utterance: Sendable {
    var id: UInt64
    var text: String
    /// What tells this text from the same said again, in the record and at the provider.
    var event: String
    var isTaken = false
    /// An answer with it was begun, and nobody knows whether it arrived.
    var isDoubtful = false
    var result: SayResult?
}

/// What became of a text.
enum SayResult: Sendable, Equatable {
    /// The provider has it. `isDoubtful`: perhaps twice.
    case taken(isDoubtful: Bool)
    /// There is no call to say it in.
    case over(String)
    case later(milliseconds: Int64, String)
    case unclear(String)
    case refused(String)
}

/// Who waits for what the caller says next (`continue` and `heard`).
struct Listener: Sendable {
    var name: String
    var until: Int64
    var transcript: String?
}

/// A call that is over, for those who still ask.
struct EndedCall: Sendable {
    var callId: String
    var providerCallId: String?
    var words: String
    var state: String
    var listener: Listener?
}
