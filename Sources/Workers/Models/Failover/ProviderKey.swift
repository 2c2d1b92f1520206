/// One credential of a provider, as an attempt needs it. Secret.
package struct ProviderKey: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case apiKey
        /// Goes as Bearer, whatever the dialect does with keys: setup tokens, OAuth access tokens.
        case bearer
        /// The host wants none (a model server on this machine).
        case none
    }

    /// "anthropic:default": what is logged in place of the value.
    package var profile: String
    package var kind: Kind
    package var value: String
    /// OAuth: the account that the provider wants named beside the token ("chatgpt-account-id"); empty: none.
    package var account = ""

    package init(profile: String, kind: Kind, value: String, account: String = "") {
        self.profile = profile
        self.kind = kind
        self.value = value
        self.account = account
    }
}
