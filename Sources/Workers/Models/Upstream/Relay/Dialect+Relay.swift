package import Failover
internal import IPCHub
package import Runtime

extension Dialect {
    package func relays(_ format: RelayFormat) -> Bool { false }
    package func relayPath(_ format: RelayFormat) -> String { "" }
    package var relayAsksForUsage: Bool { false }
    package func relayReader(_ format: RelayFormat, model: String) -> any AnswerReader { reader(Self.relayed(model)) }
    package func relayHeaders(_ headers: [(name: String, value: String)]) -> [(name: String, value: String)] { [] }

    /// A reader wants to know what it answers; of a relayed request nothing but the model is known.
    package static func relayed(_ model: String) -> ModelCall {
        var request = HubModelRequest()
        request.model = model
        return ModelCall(request: request, messages: [])
    }
}
