import IPCHub
import NIOCore
import NIOPosix
import Synchronization

@testable import Gateway

/// Model workers that answer every request with the same frames.
final class FakeRelayWorkers: RelayWorkers {
    private let script: [HubMessage]
    private let counts = Mutex<(opened: [String], closed: Int)>(([], 0))

    init(_ script: [HubMessage]) { self.script = script }

    var opened: [String] { counts.withLock { $0.opened } }
    /// Streams that were closed from this side.
    var closed: Int { counts.withLock { $0.closed } }

    func openStream(
        _ worker: String,
        isFresh: Bool,
        _ receive: @escaping (GatewayStream.Event) -> Void
    ) -> GatewayStream {
        counts.withLock { $0.opened.append(worker) }
        let stream = GatewayStream(
            worker: worker,
            withdraw: { [weak self] _ in self?.counts.withLock { $0.closed += 1 } },
            receive: receive
        )
        if let loop = MultiThreadedEventLoopGroup.currentEventLoop {
            let bound = NIOLoopBound(stream, eventLoop: loop)
            loop.execute { [script] in
                for message in script { bound.value.received(message) }
                bound.value.caughtUp()
            }
        }
        return stream
    }

    func objection(to model: String) -> String? { nil }
}
