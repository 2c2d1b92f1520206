internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import Runtime

/// The questions that the gateway asks an agent: `history` and `sessions`.
struct AgentQuestions: Sendable {
    var store: SessionStore
    var model: String
    var contextTokens: Int

    /// An answer and the question's id.
    struct Answer: Sendable {
        var id: UInt64
        var result: Result<[UInt8], QuestionError>
    }

    /// Why there is no answer, in words.
    struct QuestionError: Error, CustomStringConvertible {
        var description: String
    }

    /// Answers in a task of its own, which ends with the answer.
    func answer(_ request: HubRequest, log: Logger, _ respond: @escaping @Sendable (Answer) async -> Void) {
        Task {
            let result = await answer(request.method, Array(request.params))
            if case .failure(let error) = result { log.warning("\(request.method): \(error)") }
            await respond(Answer(id: request.id, result: result))
        }
    }

    /// `params` is JSON; empty counts as an empty object.
    func answer(_ method: String, _ params: [UInt8]) async -> Result<[UInt8], QuestionError> {
        let parsed = params.isEmpty ? .object(JSONObject()) : try? JSON(parsing: params)
        guard let parsed else { return .failure(QuestionError(description: "the parameters are not JSON")) }
        do throws(DiskError) {
            switch method {
            case "history":
                guard let key = parsed["sessionKey"]?.string, !key.isEmpty, key.utf8.count <= 512 else {
                    return .failure(QuestionError(description: "sessionKey is missing"))
                }
                let limit = Int(clamping: parsed["limit"]?.integer ?? 200)
                return .success(try await HistoryAnswer.answer(sessionKey: key, limit: limit, store: store))
            case "sessions":
                let answer = SessionsAnswer(store: store, model: model, contextTokens: contextTokens)
                return .success(try await answer.answer(parsed, now: Timestamp.now()).encoded())
            default: return .failure(QuestionError(description: "an agent knows no method \(method.prefix(64))"))
            }
        } catch {
            return .failure(QuestionError(description: error.description))
        }
    }
}
