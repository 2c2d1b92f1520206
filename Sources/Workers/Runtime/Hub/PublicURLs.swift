package import IPCHub
internal import Synchronization

/// What the outside world calls a worker's routes: takes PUBLIC_URL frames, tells whoever waits (`docs/ipc.md` section 2.4).
///
/// A route is registered by the plan, so there is nothing to register here: a worker without one is never sent a frame.
package final class PublicURLs: Sendable {
    /// Routes of one worker. The gateway sends no more; what is beyond is not kept.
    package static let limit = 16

    private let state = Mutex(State())

    private struct State {
        var known: [String: PublicURL] = [:]
        var waiting: [Int: (path: String, continuation: AsyncStream<PublicURL>.Continuation)] = [:]
        var last = 0
    }

    package init() {}

    /// A frame of the gateway: call it from the link's `receive`.
    package func receive(_ message: HubPublicURL) {
        let url = PublicURL(message)
        state.withLock { state in
            guard state.known[url.path] != nil || state.known.count < Self.limit else { return }
            guard state.known.updateValue(url, forKey: url.path) != url else { return }
            for waiter in state.waiting.values where waiter.path == url.path { waiter.continuation.yield(url) }
        }
    }

    /// What is known of a route; nil before the gateway said anything.
    package func current(_ path: String) -> PublicURL? { state.withLock { $0.known[path] } }

    /// Waits until a route's address is another than `url`, at the longest for `time`; returns what it is then, empty: none.
    package func change(of path: String, from url: String, within time: Duration) async -> String {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await known in self.updates(path) where known.url != url { return }
            }
            group.addTask { try? await Task.sleep(for: time) }  // cancelled: the address has changed
            await group.next()
            group.cancelAll()
        }
        return current(path)?.url ?? ""
    }

    /// What is known now, then every change; who is slow gets the newest. Ends when it is let go.
    package func updates(_ path: String) -> AsyncStream<PublicURL> {
        let (stream, continuation) = AsyncStream.makeStream(of: PublicURL.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.last += 1
            state.waiting[state.last] = (path, continuation)
            if let known = state.known[path] { continuation.yield(known) }
            return state.last
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.waiting[id] = nil }
        }
        return stream
    }
}

/// The public address of one route.
package struct PublicURL: Sendable, Equatable {
    /// The route's path, as planned: "/voice/webhook".
    package var path: String
    /// With the path; empty: no address was proven yet. Stays while the tunnel is away.
    package var url: String
    /// It answers now.
    package var isUp: Bool
    /// Why not, for a person.
    package var error: String
    /// Addresses that led here before, newest first.
    package var former: [Former]

    package struct Former: Sendable, Equatable {
        package var url: String
        /// Milliseconds since 1970.
        package var until: Int64

        package init(url: String, until: Int64) {
            self.url = url
            self.until = until
        }
    }

    package init(path: String, url: String, isUp: Bool, error: String = "", former: [Former] = []) {
        self.path = path
        self.url = url
        self.isUp = isUp
        self.error = error
        self.former = former
    }

    init(_ message: HubPublicURL) {
        self.init(path: message.path, url: message.url, isUp: message.up, error: message.error)
        former = message.former.prefix(8).map { Former(url: $0.url, until: $0.untilMs) }
    }

    /// Every address that a request under way may have been made for, the present one first. What a signature is checked
    /// against. `now`: milliseconds since 1970.
    package func accepted(at now: Int64) -> [String] {
        (url.isEmpty ? [] : [url]) + former.filter { $0.until > now && $0.url != url }.map(\.url)
    }
}
