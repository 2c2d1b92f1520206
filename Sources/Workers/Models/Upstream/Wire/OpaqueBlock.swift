package import FoundationEssentials
package import Runtime

/// A block that only who made it understands (signed thinking, encrypted reasoning), as it travels through the hub and
/// stands in transcripts: `{"dialect": "anthropic", "block": …}`.
package struct OpaqueBlock: Sendable, Equatable {
    /// Who made it. A vendor's own host has the plain name of its dialect; what another host signs is of no use to the
    /// vendor, so its name stands behind an @.
    package var dialect: String
    /// In the dialect's own words.
    package var block: JSON

    package init(dialect: String, block: JSON) {
        self.dialect = dialect
        self.block = block
    }

    /// nil when the bytes are none. Blocks of before there was a second dialect are Anthropic's, bare.
    package init?(_ data: Data) {
        guard let json = try? JSON(parsing: data), json.object != nil else { return nil }
        if let dialect = json["dialect"]?.string, let block = json["block"] {
            self.init(dialect: dialect, block: block)
        } else if let type = json["type"]?.string, type == "thinking" || type == "redacted_thinking" {
            self.init(dialect: "anthropic", block: json)
        } else {
            return nil
        }
    }

    package func encoded() -> [UInt8] {
        let json: JSON = ["dialect": .string(dialect), "block": block]
        return json.encoded()
    }

    /// The name under which a provider's blocks go.
    package static func name(dialect: String, isVendor: Bool, provider: String) -> String {
        isVendor ? dialect : "\(dialect)@\(provider)"
    }
}
