internal import NIOCore

/// What is made of a program's output and of what its own API answers: a pure machine for each provider.
protocol ChildWatch: Sendable {
    mutating func read(_ text: String) -> [ChildFound]
    /// An answer of its API; nil: it did not answer.
    mutating func answered(_ answer: [UInt8]?) -> [ChildFound]
    /// The worst that it said; what its exit is explained with.
    var verdict: ProviderEnd? { get }
}

/// What a line or an answer meant.
enum ChildFound: Sendable, Equatable {
    case news(ProviderNews)
    /// The program's own API is here ("127.0.0.1:4041").
    case api(String)
    /// It shall be ended, for this reason.
    case end(ProviderEnd)
}

/// A provider's program from its start to its end, read and asked all the while.
struct WatchedChild: Sendable {
    var program: ChildProgram
    let loop: any EventLoop
    /// How often its API is asked: programs reconnect by themselves, and may come back with another address.
    let askEvery: Duration

    enum Ended: Sendable {
        /// By what it said of itself.
        case decided(ProviderEnd)
        case exited(ChildExit)
        case failed(any Error)
    }

    private struct State<Watch: ChildWatch>: Sendable {
        var watch: Watch
        var api: String?
        var end: ProviderEnd?
    }

    /// Cancelling ends the program, which is waited for.
    func run<Watch: ChildWatch>(
        _ watch: Watch,
        ask: @escaping @Sendable (String) async -> [UInt8]?,
        tell: @escaping @Sendable (ProviderNews) -> Void
    ) async -> (Watch, Ended) {
        let state = Shared(State(watch: watch))
        let (stops, stop) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let act: @Sendable ([ChildFound]) -> Void = { found in
            for one in found {
                switch one {
                case .news(let news): tell(news)
                case .api(let address): state.withLock { $0.api = address }
                case .end(let end):
                    state.withLock { $0.end = $0.end ?? end }
                    stop.yield()
                }
            }
        }
        let ended = await withTaskGroup(of: Ended?.self) { group in
            group.addTask { [program, loop] in
                do {
                    let exit = try await program.run(on: loop, started: { tell(.running(pid: $0)) }) { line in
                        act(state.withLock { $0.watch.read(line) })
                    }
                    return .exited(exit)
                } catch {
                    return .failed(error)
                }
            }
            group.addTask {
                for await _ in stops { break }
                return nil
            }
            group.addTask { [askEvery] in
                while true {
                    do { try await Task.sleep(for: askEvery) } catch { return nil }
                    guard let api = state.withLock({ $0.api }) else { continue }
                    let answer = await ask(api)
                    act(state.withLock { $0.watch.answered(answer) })
                }
            }
            // Whoever came first, the others are not needed any more; the program is waited for.
            while let first = await group.next() {
                group.cancelAll()
                if let first { return first }
            }
            return Ended.exited(ChildExit(code: 0, signal: 0))
        }
        return state.withLock { state in (state.watch, state.end.map(Ended.decided) ?? ended) }
    }
}
