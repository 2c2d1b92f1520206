package import Config

/// How long an attempt may take in each of its phases.
package struct CallTimes: Sendable, Equatable {
    package var connect = Duration.seconds(10)
    /// From the request to the response's head.
    package var head = Duration.seconds(60)
    /// From the head to the first sign of the model's work: a word, or what it thinks.
    package var firstContent = Duration.seconds(90)
    /// Between two readings afterwards.
    package var idle = Duration.seconds(60)
    /// All in all.
    package var total = Duration.seconds(600)
    /// After the last event, for the end of the body: a connection whose body was read to its end is used again.
    package var end = Duration.milliseconds(50)
    /// After the answer's own end, for the counts that some providers send behind it.
    package var afterwards = Duration.seconds(5)

    package init() {}

    /// Milliseconds of the configuration; 0 means the default. A model server on this machine reads a model from disk before
    /// its first answer: it has five minutes for its head.
    package init(_ config: ProviderConfig) {
        self.init()
        if HostName.isLocal(config.baseURL) { head = .seconds(300) }
        func set(_ field: inout Duration, _ milliseconds: Int) {
            if milliseconds > 0 { field = .milliseconds(min(milliseconds, 86_400_000)) }
        }
        set(&connect, config.connectMilliseconds)
        set(&head, config.headMilliseconds)
        set(&firstContent, config.firstContentMilliseconds)
        set(&idle, config.idleMilliseconds)
        set(&total, config.totalMilliseconds)
    }
}
