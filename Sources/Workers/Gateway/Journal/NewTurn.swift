/// A turn about to be journaled.
package struct NewTurn: Sendable, Equatable {
    /// The channel of turns that no worker brought and no outbox takes the answer of.
    package static let webchat = "webchat"

    package var turnID: String
    package var runID: String
    /// As the sender spelt it.
    package var sessionKey: String
    /// The canonical session key: turns of one lane run one after another.
    package var lane: String
    /// `agent:main`.
    package var agent: String
    /// The worker that brought it, or `webchat`.
    package var channel: String
    package var account: String
    /// Outbox rows of one conversation go out one after another.
    package var conversation: String
    /// Where the answer goes; opaque.
    package var target: [UInt8]
    /// The parsed message; opaque to the journal.
    package var message: [UInt8]
    /// What the queue needs to know of it. Not read back with the row.
    package var facts = TurnFacts()

    package init(
        turnID: String,
        runID: String,
        sessionKey: String,
        lane: String,
        agent: String,
        channel: String,
        account: String,
        conversation: String,
        target: [UInt8],
        message: [UInt8]
    ) {
        self.turnID = turnID
        self.runID = runID
        self.sessionKey = sessionKey
        self.lane = lane
        self.agent = agent
        self.channel = channel
        self.account = account
        self.conversation = conversation
        self.target = target
        self.message = message
    }
}

/// What the journal has to know of a message to queue it, gather it with others and show it to people.
package struct TurnFacts: Sendable, Equatable {
    /// For people: a name or an id.
    package var sender = ""
    /// Its first words, one line.
    package var preview = ""
    /// As the network names it; consecutive numbers make a long paste.
    package var messageID = ""
    /// When it was written, by the network's clock, milliseconds since 1970; 0: not known.
    package var saidAt: Int64 = 0
    /// Never answered together with others: a command, a pressed button.
    package var isSolo = false
    /// Whose words it may be gathered with: one sender in one conversation. Anything else of the same source ends what is
    /// being gathered. Empty: nobody's.
    package var source = ""
    /// What it may join or begin, in this order.
    package var gatherings: [Gathering] = []
    /// Where what was heard and not answered is kept for it; empty: nowhere.
    package var room = ""

    package init() {}
}

/// Messages that belong together and become one turn once it has been quiet for a while.
package struct Gathering: Sendable, Equatable {
    /// Raw values are what the journal holds.
    package enum Kind: String, Sendable {
        /// Pictures that were sent together.
        case album
        /// A text that its network cut into pieces.
        case paste
        /// Lines that somebody types one after another.
        case rapid
    }

    package var kind: Kind
    /// Names this one among those of its kind and source.
    package var name: String
    /// How long it has to be quiet, in milliseconds.
    package var wait: Int64
    /// Whether a message may be its first.
    package var mayBegin: Bool
    /// UTF-16 units of the text.
    package var size: Int
    package var mostParts: Int
    package var mostSize: Int

    package init(
        kind: Kind,
        name: String = "",
        wait: Int64,
        mayBegin: Bool = true,
        size: Int = 0,
        mostParts: Int,
        mostSize: Int = .max
    ) {
        self.kind = kind
        self.name = name
        self.wait = wait
        self.mayBegin = mayBegin
        self.size = size
        self.mostParts = mostParts
        self.mostSize = mostSize
    }
}
