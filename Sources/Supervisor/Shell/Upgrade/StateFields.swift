package import IPCControl

/// The fields of one block of the state that an upgrade hands on. The same lines of code write and read them, so that
/// the two directions cannot drift apart.
///
/// What is read is not trusted: a number out of its range, a word that is none, is an error. A key that is absent leaves
/// the value as it is, so that a build may add one.
package struct StateFields {
    package private(set) var block: Block
    private let isReading: Bool

    /// The largest count, size or number of milliseconds that anybody means seriously; far from every overflow.
    static let countLimit: Int64 = 1 << 52

    /// Writes `value` as a block.
    package static func write(_ type: String, _ value: some Carried) throws(StateError) -> Block {
        var fields = StateFields(block: Block(type), isReading: false)
        var copy = value
        try copy.carry(&fields)
        return fields.block
    }

    /// Reads `block` into `value`, which holds what is to be when a key is absent.
    package static func read(_ block: Block, into value: inout some Carried) throws(StateError) {
        var fields = StateFields(block: block, isReading: true)
        try value.carry(&fields)
    }

    /// A number of at most `countLimit` either way.
    mutating func carry<Number: FixedWidthInteger & LosslessStringConvertible>(
        _ key: String,
        _ value: inout Number
    ) throws(StateError) {
        try text(key, &value)
        guard Int64(exactly: value).map({ abs($0 / 2) <= Self.countLimit / 2 }) == true else { throw malformed(key) }
    }

    /// A number with all its bits: a seed, an incarnation.
    mutating func carryBits(_ key: String, _ value: inout UInt64) throws(StateError) {
        try text(key, &value)
    }

    mutating func carry(_ key: String, _ value: inout String) throws(StateError) {
        try text(key, &value)
    }

    mutating func carry(_ key: String, _ value: inout Bool) throws(StateError) {
        try text(key, &value)
    }

    mutating func carry(_ key: String, _ value: inout WorkerID) throws(StateError) {
        try text(key, &value)
    }

    mutating func carry(_ key: String, _ value: inout Instant) throws(StateError) {
        try text(key, &value.nanoseconds)
    }

    mutating func carry(_ key: String, _ value: inout Duration) throws(StateError) {
        var nanoseconds = value.wholeNanoseconds
        try carry(key, &nanoseconds)
        value = .nanoseconds(nanoseconds)
    }

    mutating func carry(_ key: String, _ value: inout [UInt8]) throws(StateError) {
        if isReading {
            guard let digits = block[key] else { return }
            guard let bytes = Hex.decode(digits) else { throw malformed(key) }
            value = bytes
        } else {
            block[key] = Hex.encode(value)
        }
    }

    /// A word of an enumeration.
    mutating func carry<Word: RawRepresentable<String>>(_ key: String, _ value: inout Word) throws(StateError) {
        var raw = value.rawValue
        try text(key, &raw)
        guard let word = Word(rawValue: raw) else { throw malformed(key) }
        value = word
    }

    /// A value that may be missing: then the key is, too.
    mutating func carry<Value>(
        _ key: String,
        _ value: inout Value?,
        _ blank: Value,
        _ carry: (inout StateFields, inout Value) throws(StateError) -> Void
    ) throws(StateError) {
        if isReading, block[key] == nil {
            value = nil
            return
        }
        guard var present = isReading ? blank : value else { return }
        try carry(&self, &present)
        value = present
    }

    mutating func carry(_ key: String, _ value: inout Instant?) throws(StateError) {
        try carry(key, &value, Instant(nanoseconds: 0)) { (fields, present) throws(StateError) in
            try fields.carry(key, &present)
        }
    }

    mutating func carry(_ key: String, _ value: inout String?) throws(StateError) {
        try carry(key, &value, "") { (fields, present) throws(StateError) in try fields.carry(key, &present) }
    }

    mutating func carry<Number: FixedWidthInteger & LosslessStringConvertible>(
        _ key: String,
        _ value: inout Number?
    ) throws(StateError) {
        try carry(key, &value, 0) { (fields, present) throws(StateError) in try fields.carry(key, &present) }
    }

    /// Paths: no NUL can be in one.
    mutating func carry(_ key: String, _ value: inout [String]) throws(StateError) {
        var joined = value.joined(separator: "\0")
        try text(key, &joined)
        value = joined.split(separator: "\0").map(String.init)
    }

    mutating func carry(optional key: String, _ value: inout WorkerID?) throws(StateError) {
        var name = value?.rawValue
        try carry(key, &name)
        value = name.flatMap { WorkerID($0) }
        guard (name == nil) == (value == nil) else { throw malformed(key) }
    }

    private mutating func text<Value: LosslessStringConvertible>(
        _ key: String,
        _ value: inout Value
    ) throws(StateError) {
        guard isReading else {
            block[key] = value.description
            return
        }
        guard let text = block[key] else { return }
        guard let read = Value(text) else { throw malformed(key) }
        value = read
    }

    /// For what does not fit the rest of its block.
    func malformed(_ key: String) -> StateError { .malformed(key, block.type) }
}

/// What can be handed on in one block.
package protocol Carried {
    /// Names every stored property once: `fields` writes it, or reads it.
    mutating func carry(_ fields: inout StateFields) throws(StateError)
}

/// Why a state is not one that this build can go on from.
package enum StateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another build's idea of a state.
    case foreign(String)
    case malformed(String, String)
    case missing(String)
    case tooMuch(String)
    case cut

    package var description: String {
        switch self {
        case .foreign(let text): "the state is another version's (\(text))"
        case .malformed(let key, let type): "\(key) is malformed in \(type) of the state"
        case .missing(let what): "\(what) is missing in the state"
        case .tooMuch(let what): "the state is too much: \(what)"
        case .cut: "the end of the state is missing"
        }
    }
}
