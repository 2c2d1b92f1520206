internal import FoundationEssentials
package import IPCHub

/// A request of the pass-through endpoint: its body goes to the provider as it came.
package struct RelayCall: Sendable {
    /// Longest body.
    package static let bodyLimit = ModelWorker.callLimit
    /// Held for each relayed request besides its body: two connections, one event, what is on its way to the gateway.
    static let ownBytes = 20 * 1024

    package var request: HubRelayRequest
    package var body: [UInt8]

    package init(request: HubRelayRequest, body: [UInt8]) {
        self.request = request
        self.body = body
    }
}

/// Where the answer to a relayed request goes: one head, the body as it comes, the end. Waits while nobody reads.
package struct RelayAnswer: Sendable {
    /// Longest piece of a body in one frame.
    static let pieceLimit = 256 * 1024

    private let send: @Sendable (HubMessage) async throws -> Void

    package init(_ send: @escaping @Sendable (HubMessage) async throws -> Void) { self.send = send }

    package func head(_ head: HubRelayHead) async throws { try await send(.relayHead(head)) }

    package func body(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            var chunk = HubMediaChunk()
            chunk.data = Data(rest.prefix(Self.pieceLimit))
            rest = rest.dropFirst(chunk.data.count)
            try await send(.mediaChunk(chunk))
        }
    }

    /// - Parameter error: why the body is not whole; empty: it is.
    package func end(error: String = "") async throws {
        var end = HubMediaEnd()
        end.error = error
        try await send(.mediaEnd(end))
    }
}

extension ModelProvider {
    /// A provider that relays nothing says so.
    package func relay(_ call: RelayCall, into answer: RelayAnswer) async throws {
        var head = HubRelayHead()
        head.status = 404
        try await answer.head(head)
        try await answer.end()
    }
}
