import FoundationEssentials
import IPCHub
import Runtime
import Synchronization

@testable import Agent

/// A model whose answers are scripted, one script per call.
final class FakeModels: ModelDoor {
    enum Step: Sendable {
        case text(String)
        case tool(id: String, name: String, input: String)
        case opaque(String)
        case finish(String)
        case fail(HubModelEvent.Failed.Kind, String)
        /// Before any content, and another model may do better.
        case next(HubModelEvent.Failed.Kind, attempts: UInt32)
        case thinking(String)
        /// The stream ends without a word.
        case cut
        case error(HubLinkError)
        /// Waits until the call is cancelled.
        case hang
        case run(@Sendable () async -> Void)
    }

    private let scripts: Mutex<[[Step]]>
    private let made = Mutex<[PromptCall]>([])
    private let asked = Mutex<[String]>([])

    init(_ scripts: [Step]...) { self.scripts = Mutex(scripts) }
    init(scripts: [[Step]]) { self.scripts = Mutex(scripts) }

    var calls: [ModelCall] { made.withLock { $0.map(\.call) } }
    /// The workers that were called, in order.
    var targets: [String] { asked.withLock { $0 } }
    var pictures: [[Picture]] { made.withLock { $0.map(\.pictures) } }

    func call(
        _ target: String,
        _ call: PromptCall,
        receive: @escaping @Sendable (HubModelEvent) async -> Bool
    ) async throws {
        made.withLock { $0.append(call) }
        asked.withLock { $0.append(target) }
        let script = scripts.withLock { $0.isEmpty ? [.fail(.unknown, "no script is left")] : $0.removeFirst() }
        for step in script {
            var event = HubModelEvent()
            switch step {
            case .text(let text): event.text = text
            case .tool(let id, let name, let input):
                event.toolUse.id = id
                event.toolUse.name = name
                event.toolUse.input = Data(input.utf8)
            case .opaque(let json): event.opaque = Data(json.utf8)
            case .finish(let reason):
                event.finished.stopReason = reason
                event.finished.usage.input = 10
                event.finished.usage.output = 5
            case .fail(let kind, let cause):
                event.failed.kind = kind
                event.failed.cause = cause
            case .next(let kind, let attempts):
                event.failed.kind = kind
                event.failed.cause = "\(kind)"
                event.failed.attempts = attempts
                event.failed.tryNext = true
                event.failed.beforeContent = true
            case .thinking(let text): event.thinking = text
            case .cut: return
            case .error(let error): throw error
            case .hang:
                try await Task.sleep(for: .seconds(60))
                return
            case .run(let action):
                await action()
                continue
            }
            guard await receive(event) else { return }
        }
    }
}
