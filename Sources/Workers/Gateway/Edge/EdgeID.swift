internal import FoundationEssentials

/// Random names for connections and challenges.
enum EdgeID {
    static func make() -> String { UUID().uuidString.lowercased() }
}
