internal import IPCHub
internal import Synchronization

/// Gathers a transcription from its events. Bounded.
final class SpeechReading: Sendable {
    enum End {
        case finished
        case failed(HubModelEvent.Failed)
    }

    private let state = Mutex<(text: String, end: End?)>(("", nil))

    var text: String { state.withLock { $0.text } }
    var end: End? { state.withLock { $0.end } }

    /// Whether more is wanted.
    func take(_ event: HubModelEvent) -> Bool {
        state.withLock { state in
            switch event.event {
            case .text(let added)?:
                let room = VoiceNotes.textLimit - state.text.utf8.count
                state.text += added.prefix(bytes: max(0, room))
                return true
            case .finished?:
                state.end = .finished
                return false
            case .failed(let failed)?:
                state.end = .failed(failed)
                return false
            case .toolUse?, .opaque?, .thinking?, nil: return true
            }
        }
    }
}
