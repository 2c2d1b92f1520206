/// Names of bulk streams.
package enum HubStreamName {
    /// Begins the name of every stream that the gateway itself opens, and of no other (docs/ipc.md section 2).
    package static let gatewayPrefix = "gateway/"

    package static func isGateways(_ name: String) -> Bool { name.hasPrefix(gatewayPrefix) }
}
