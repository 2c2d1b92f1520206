internal import Failover
internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// The answer of `/audio/transcriptions`: `{"text": "…"}`, with counts where the model is paid by token.
struct TranscriptionReader: AnswerReader {
    var draft: AnswerDraft

    init(_ call: ModelCall) {
        draft = AnswerDraft(call)
        // Silence is a recording too.
        draft.mayBeEmpty = true
        draft.named(call.request.model)
    }

    mutating func take(_ event: ServerEvent) throws(CallFailure) -> [HubModelEvent] {
        throw CallFailure(.badRequest, "a stream is no answer to a recording")
    }

    mutating func take(whole: JSON) throws(CallFailure) -> [HubModelEvent] {
        guard let text = whole["text"]?.string else { throw CallFailure(.cut, "the answer holds no text") }
        let usage = whole["usage"]
        draft.count(
            input: usage?["input_tokens"]?.tokens ?? usage?["prompt_tokens"]?.tokens,
            output: usage?["output_tokens"]?.tokens ?? usage?["completion_tokens"]?.tokens
        )
        draft.stopReason = "end_turn"
        (draft.isFinished, draft.isOver) = (true, true)
        return draft.text(text)
    }
}
