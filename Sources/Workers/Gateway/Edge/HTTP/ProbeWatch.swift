/// Whether the platform's health check reaches this port. On Fly a check of another port fails without a word here: `fly launch`
/// is known to write `internal_port = 8080` into a file whose process listens on 3000.
struct ProbeWatch {
    private var isSeen = false
    private var isComplaining = false

    /// A request came in. True when it is the probe that a complaint waited for.
    mutating func saw(_ question: HTTPQuestion) -> Bool {
        guard !isSeen, ["/health", "/healthz"].contains(question.path) else { return false }
        // What is asked from this machine itself (`clawhold health`, curl over SSH) says nothing about the way in.
        guard let address = question.peer.socketAddress, !address.isLoopback else { return false }
        isSeen = true
        defer { isComplaining = false }
        return isComplaining
    }

    /// The time is over: what is to be said; nil when a probe came.
    mutating func complaint(port: Int) -> String? {
        guard !isSeen else { return nil }
        isComplaining = true
        return
            "no health check reached /healthz within a minute: set internal_port = \(port) in fly.toml (port = \(port) in [checks] "
            + "of fly.private.toml), as in --port, then: fly deploy"
    }
}
