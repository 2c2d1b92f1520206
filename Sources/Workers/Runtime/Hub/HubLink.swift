internal import FoundationEssentials
internal import IPCControl
package import IPCHub
internal import Logging
internal import NIOCore
internal import Synchronization

/// A worker's control link to the gateway: dials, says HELLO, reads, and dials again for as long as the worker lives.
///
/// What a worker owes (results, finished turns) it keeps until it is acknowledged: `hello` lists it, and `welcomed` is the
/// place to send again what came up between HELLO and WELCOME. An old link is read to its end before the next is dialled,
/// because a dead gateway's last bytes stay readable.
package final class HubLink: Sendable {
    private let worker: Worker
    private let hello: @Sendable () -> HubHello
    private let welcomed: @Sendable () async -> Void
    private let receive: @Sendable (HubMessage) async -> Void
    private let writer = Mutex<NIOAsyncChannelOutboundWriter<ByteBuffer>?>(nil)

    /// - Parameters:
    ///   - hello: what the worker holds and owes; worker, incarnation, token and build are filled in by the link.
    ///   - welcomed: called after each WELCOME, before the first frame that follows it.
    ///   - receive: called with every frame after it, one after another; while it waits nothing is read.
    package init(
        worker: Worker,
        hello: @escaping @Sendable () -> HubHello = { HubHello() },
        welcomed: @escaping @Sendable () async -> Void = {},
        receive: @escaping @Sendable (HubMessage) async -> Void
    ) {
        self.worker = worker
        self.hello = hello
        self.welcomed = welcomed
        self.receive = receive
    }

    /// Keeps the link until the task is cancelled. Ends the process when the gateway says that this incarnation or this
    /// build is not wanted any more.
    package func run() async {
        var pause = Duration.milliseconds(10)
        while !Task.isCancelled {
            let began = ContinuousClock.now
            do {
                try await serveOnce()
            } catch let error as HubLinkError {
                if case .refused(let reason, let text) = error { await refused(reason, text) }
                worker.log.debug("hub: \(error)")
            } catch {
                worker.log.debug("hub: \(error)")
            }
            if ContinuousClock.now - began > .seconds(1) { pause = .milliseconds(10) }
            try? await Task.sleep(for: pause)  // cancelled: the loop ends
            pause = min(pause * 2, .milliseconds(250))
        }
    }

    /// Whether the gateway has said WELCOME on a link that still stands.
    package var isLinked: Bool { writer.withLock { $0 != nil } }

    /// Sends a frame. False when there is no link: what must not be lost is then told by HELLO.
    package func send(_ message: HubMessage) async -> Bool {
        guard let writer = writer.withLock({ $0 }) else { return false }
        do {
            try await writer.write(try HubConnection.bytes(message))
            return true
        } catch let error as FrameError {
            worker.log.error("a message for the gateway was not sent: \(error)")
            return false
        } catch {
            return false
        }
    }

    /// Answers a REQUEST, in parts of half a mebibyte.
    package func respond(to id: UInt64, payload: [UInt8]) async {
        var rest = payload[...]
        repeat {
            var response = HubResponse()
            response.id = id
            response.payload = .init(rest.prefix(512 * 1024))
            rest = rest.dropFirst(512 * 1024)
            response.last = rest.isEmpty
            guard await send(.response(response)) else { return }
        } while !rest.isEmpty
    }

    /// Answers a REQUEST with a failure in words.
    package func respond(to id: UInt64, error: String) async {
        var response = HubResponse()
        response.id = id
        response.last = true
        response.error = error
        _ = await send(.response(response))
    }

    private func serveOnce() async throws {
        let connection = try await HubConnection.dial(worker)
        try await connection.executeThenClose { inbound, outbound in
            defer { writer.withLock { $0 = nil } }
            var greeting = hello()
            greeting.identify(worker.start)
            try await outbound.write(try HubConnection.bytes(.hello(greeting)))
            var messages = inbound.makeAsyncIterator()
            switch try await messages.next() {
            case .welcome?: break
            case .goodbye(let goodbye)?: throw HubLinkError.refused(goodbye.reason, goodbye.text)
            case let other?: throw HubLinkError.unexpected(other.type)
            case nil: throw HubLinkError.closed
            }
            writer.withLock { $0 = outbound }
            await welcomed()
            while let message = try await messages.next() {
                if case .goodbye(let goodbye) = message { throw HubLinkError.refused(goodbye.reason, goodbye.text) }
                await receive(message)
            }
        }
    }

    private func refused(_ reason: HubGoodbye.Reason, _ text: String) async {
        switch reason {
        case .build, .superseded, .drained: await worker.lifeline.leave()
        case .refused, .unavailable, .UNRECOGNIZED: worker.log.warning("the gateway refused the link: \(text)")
        }
    }
}

extension HubHello {
    /// Fills in who is speaking.
    package mutating func identify(_ start: WorkerStart) {
        worker = start.id.rawValue
        incarnation = start.incarnation
        token = .init(start.token)
        build = start.build
    }
}
