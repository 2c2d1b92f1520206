package import IPCHub

/// What a provider brings to the model contract.
package protocol ModelProvider: Sendable {
    /// Answers one call into `answer`, which ends with exactly one `finished` or `failed`. Is cancelled when the agent
    /// closes the stream; what it throws then is of no account.
    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws

    /// Passes a request through to the provider into `answer`, which gets one head and one end. Is cancelled as above.
    func relay(_ call: RelayCall, into answer: RelayAnswer) async throws

    /// Drops what it can have again (idle connections): memory is short.
    func shed() async

    /// Whether it has a state that the gateway keeps (`ModelRecords`): no call is answered before that has come.
    var keepsState: Bool { get }

    /// The gateway's question `method` with its parameters in JSON; nil when there is no such method.
    func answer(question method: String, _ params: [UInt8]) async -> JSON?
}

extension ModelProvider {
    package func shed() async {}
    package var keepsState: Bool { false }
    package func answer(question method: String, _ params: [UInt8]) async -> JSON? { nil }
}

/// One call of a model: everything the provider needs, in the hub's terms.
package struct ModelCall: Sendable {
    /// Model, system prompt, tools. The model stands without its provider's prefix.
    package var request: HubModelRequest
    package var messages: [HubModelMessage]
    /// With `request.transcription`: the speech, in the place of messages.
    package var audio: [UInt8] = []

    package init(request: HubModelRequest, messages: [HubModelMessage]) {
        self.request = request
        self.messages = messages
    }
}

/// Where a provider writes its answer. Waits while the agent does not read.
package struct ModelAnswer: Sendable {
    private let send: @Sendable (HubModelEvent) async throws -> Void

    package init(_ send: @escaping @Sendable (HubModelEvent) async throws -> Void) { self.send = send }

    package func write(_ event: HubModelEvent) async throws { try await send(event) }

    package func text(_ text: String) async throws {
        var event = HubModelEvent()
        event.text = text
        try await send(event)
    }

    package func toolUse(_ use: HubModelBlock.ToolUse) async throws {
        var event = HubModelEvent()
        event.toolUse = use
        try await send(event)
    }

    package func finished(_ finished: HubModelEvent.Finished) async throws {
        var event = HubModelEvent()
        event.finished = finished
        try await send(event)
    }

    package func failed(_ failed: HubModelEvent.Failed) async throws {
        var event = HubModelEvent()
        event.failed = failed
        try await send(event)
    }
}
