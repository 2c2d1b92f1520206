internal import FoundationEssentials
internal import IPCHub

/// A question of a worker to the gateway.
struct WorkerQuestion: Sendable {
    var worker: String
    var link: Int
    var id: UInt64
    var method: String
    /// JSON.
    var params: [UInt8]
}

/// What workers ask of the gateway: agents for telephone calls, nobody for anything else.
extension DeliveryCore {
    /// Questions of all agents that are being answered; more are refused at once.
    static let mostAsked = 8
    private static let paramBytes = 64 * 1024

    mutating func asked(_ request: HubRequest, _ link: LinkState) {
        guard link.worker.hasPrefix("agent:"), VoiceRequest.forAgents.contains(request.method) else {
            return respond(request.id, link.id, error: "the gateway knows no method \(request.method.prefix(64))")
        }
        guard request.params.count <= Self.paramBytes else {
            return respond(request.id, link.id, error: "the parameters are longer than \(Self.paramBytes) bytes")
        }
        guard !isDraining else { return respond(request.id, link.id, error: Sentences.shuttingDown) }
        guard askedCount < Self.mostAsked else {
            return respond(request.id, link.id, error: "the gateway answers \(Self.mostAsked) such questions already")
        }
        askedCount += 1
        effect(
            .answerWorker(
                WorkerQuestion(
                    worker: link.worker,
                    link: link.id,
                    id: request.id,
                    method: request.method,
                    params: [UInt8](request.params)
                )
            )
        )
    }

    /// An answer on a link that is gone finds nobody: its agent has given the question up.
    mutating func answered(_ question: WorkerQuestion, _ answer: Result<[UInt8], ConversationError>) {
        askedCount -= 1
        guard current(question.worker, question.link) != nil else { return }
        switch answer {
        case .success(let payload): respond(question.id, question.link, payload: payload)
        case .failure(.invalid(let words)), .failure(.unavailable(let words)):
            respond(question.id, question.link, error: words)
        }
    }

    private mutating func respond(_ id: UInt64, _ link: Int, payload: [UInt8] = [], error: String = "") {
        var response = HubResponse()
        response.id = id
        response.payload = Data(payload)
        response.last = true
        response.error = error
        send(link, .response(response))
    }
}
