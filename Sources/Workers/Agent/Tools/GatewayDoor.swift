internal import FoundationEssentials
internal import IPCHub
internal import NIOCore
internal import Runtime
internal import Synchronization

/// Asks the gateway for what only it can have done.
protocol GatewayAsking: Sendable {
    /// `params` and the answer are JSON. `limit`: how long the answer may take.
    func ask(_ method: String, _ params: JSON, within limit: Duration) async -> Result<JSON, GatewayRefusal>
}

/// Why there is no answer, in words.
struct GatewayRefusal: Error, Sendable, Equatable {
    var text: String
    init(_ text: String) { self.text = text }
}

/// The agent's questions to the gateway, on its control link: REQUEST there, RESPONSE back.
///
/// A link that breaks takes the answers with it: whoever waits is told that what was asked may have been done.
final class GatewayDoor: GatewayAsking {
    /// Questions that wait for their answer; more are refused at once.
    static let limit = 8
    /// Most bytes of an answer.
    static let answerBytes = 512 * 1024

    private typealias Answer = Result<JSON, GatewayRefusal>

    private let loop: any EventLoop
    private let send: @Sendable (HubMessage) async -> Bool
    private let state = Mutex(State())

    private struct State {
        var lastID: UInt64 = 0
        var waiting: [UInt64: Waiting] = [:]
    }

    private struct Waiting {
        var continuation: CheckedContinuation<Answer, Never>
        var bytes: [UInt8] = []
    }

    /// - Parameter send: false when there is no link.
    init(loop: any EventLoop, send: @escaping @Sendable (HubMessage) async -> Bool) {
        self.loop = loop
        self.send = send
    }

    func ask(_ method: String, _ params: JSON, within limit: Duration) async -> Result<JSON, GatewayRefusal> {
        do {
            return try await TimeLimit.run(limit, on: loop) { await self.ask(method, params) }
        } catch {
            return .failure(GatewayRefusal("the gateway did not answer in time; it may be done all the same"))
        }
    }

    private func ask(_ method: String, _ params: JSON) async -> Answer {
        var request = HubRequest()
        request.id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        request.method = method
        request.params = Data(params.encoded())
        let id = request.id
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isTaken = state.withLock { state in
                    guard state.waiting.count < Self.limit else { return false }
                    state.waiting[id] = Waiting(continuation: continuation)
                    return true
                }
                guard isTaken else {
                    return continuation.resume(
                        returning: .failure(GatewayRefusal("\(Self.limit) questions wait for the gateway already"))
                    )
                }
                // A cancellation before this found nobody to tell.
                guard !Task.isCancelled else { return end(id, .failure(GatewayRefusal("stopped"))) }
                // Ends with the sending.
                Task { [send, request] in
                    guard await send(.request(request)) else {
                        return end(id, .failure(GatewayRefusal("the gateway is not there at the moment")))
                    }
                }
            }
        } onCancel: {
            end(id, .failure(GatewayRefusal("stopped")))
        }
    }

    /// A RESPONSE came. One that nobody waits for any more is no offence.
    func received(_ response: HubResponse) {
        let bytes: [UInt8]? = state.withLock { state in
            guard let size = state.waiting[response.id]?.bytes.count else { return nil }
            guard size + response.payload.count <= Self.answerBytes else { return [] }
            state.waiting[response.id]?.bytes += [UInt8](response.payload)
            return response.last ? state.waiting[response.id]?.bytes : nil
        }
        guard let bytes else { return }
        guard response.error.isEmpty else {
            return end(response.id, .failure(GatewayRefusal(response.error.cut(toBytes: 2000))))
        }
        guard let answer = try? JSON(parsing: bytes) else {
            return end(response.id, .failure(GatewayRefusal("the gateway's answer is not understood")))
        }
        end(response.id, .success(answer))
    }

    /// The link is gone: no answer will come on another one.
    func lost() {
        for id in state.withLock({ Array($0.waiting.keys) }) {
            end(id, .failure(GatewayRefusal("the gateway ended before it answered; whether it was done is not known")))
        }
    }

    private func end(_ id: UInt64, _ answer: Answer) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.continuation.resume(returning: answer)
    }
}
