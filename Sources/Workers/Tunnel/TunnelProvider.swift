internal import Config

/// A provider's program, from its start to its end. One of each kind; the rules around it are `TunnelCore`'s.
protocol TunnelProvider: Sendable {
    /// How long an address may stay unproven before the program is started anew.
    var patience: Duration { get }

    /// From the start to an address.
    var addressWithin: Duration { get }

    /// Runs until the program ends or the task is cancelled, which ends the program, and says why it ended.
    ///
    /// - Parameters:
    ///   - port: of 127.0.0.1, where the requests are to come out.
    ///   - tell: called from any thread, in order.
    func run(port: Int, _ tell: @escaping @Sendable (ProviderNews) -> Void) async -> ProviderEnd

    /// Takes back what outlives the program. Called when the tunnel is switched off, not when it is merely restarted.
    func withdraw(port: Int) async
}

extension TunnelProvider {
    var addressWithin: Duration { .seconds(30) }

    func withdraw(port: Int) async {}
}

/// What is heard of a provider while it runs.
enum ProviderNews: Sendable, Equatable {
    /// The program runs; 0: it is nobody's child.
    case running(pid: Int32)
    /// What the outside calls us, without a slash at its end. Not proven.
    case address(String)
    /// The provider says that there is no address now; it may find one again.
    case addressLost
    /// Something is wrong, in words for a person; it goes on.
    case trouble(String)
}

/// Why a provider's program ended.
struct ProviderEnd: Sendable, Equatable {
    enum Kind: Sendable {
        /// Tried again: 2 s doubling to a minute.
        case retry
        /// Trying again soon would make it worse, or is in vain until somebody elsewhere acts: a minute doubling to ten.
        case slow
        /// Nothing mends it but a change here: the worker is parked.
        case fatal
    }

    var kind: Kind
    /// What is wrong and what to do.
    var text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }
}

extension ProviderEnd {
    /// Why a program cannot even be started, with what installs it.
    static func unstartable(_ error: any Error, _ config: TunnelConfig) -> ProviderEnd {
        if (error as? ChildError)?.isMissing == true { return missing(config) }
        return ProviderEnd(.retry, "\(config.program) cannot be started: \(error)")
    }

    /// The program is not there.
    static func missing(_ config: TunnelConfig) -> ProviderEnd {
        ProviderEnd(
            .fatal,
            "\(config.provider.rawValue) is not installed. In Clawhold's image: docker build --build-arg "
                + "\(config.buildArgument) …; elsewhere install it, then:  clawhold reload"
        )
    }
}
