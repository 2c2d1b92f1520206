package import IPCHub
package import NIOCore
package import Runtime

/// Takes an answer to a relayed request down, on its event loop.
package final class RecordedAnswer: RelayOutput {
    /// What came.
    package struct Seen: Sendable {
        package var heads: [HubRelayHead] = []
        package var body = ""
        /// Of the end; nil: it has not come.
        package var error: String?
        /// Pieces of the body.
        package var pieces = 0
    }

    /// A recording and where it is asked for, for those on no event loop.
    package struct Handle: Sendable {
        package let answer: RelayAnswer
        private let output: NIOLoopBound<RecordedAnswer>

        fileprivate init(_ output: RecordedAnswer, _ loop: any EventLoop) {
            answer = RelayAnswer(output, on: loop)
            self.output = NIOLoopBound(output, eventLoop: loop)
        }

        /// How an attempt ended, before an answer began or after.
        package func ending<Report: Sendable>(
            _ attempt: (_ ended: @escaping @Sendable (Report) -> Void) async -> Report?
        ) async throws -> Report {
            let (reports, report) = AsyncStream<Report>.makeStream()
            if let early = await attempt({ report.yield($0) }) { return early }
            for await late in reports { return late }
            throw CancellationError()
        }

        package func seen() async throws -> Seen { try await output.eventLoop.submit { output.value.seen }.get() }

        /// Goes away.
        package func leave() async throws { try await output.eventLoop.submit { output.value.whenGone?() }.get() }

        /// Reads again, or stops.
        package func set(writable: Bool) async throws {
            try await output.eventLoop.submit {
                output.value.isWritable = writable
                if writable { output.value.whenWritable?() }
            }.get()
        }
    }

    package var isWritable = true
    package var whenWritable: (() -> Void)?
    package var whenGone: (() -> Void)?
    private var seen = Seen()

    package static func make(on loop: any EventLoop) async throws -> Handle {
        try await loop.submit { Handle(RecordedAnswer(), loop) }.get()
    }

    package func head(_ head: HubRelayHead) { seen.heads.append(head) }

    package func body(_ bytes: ByteBuffer) {
        seen.body += String(buffer: bytes)
        seen.pieces += 1
    }

    package func row(_ row: HubLedgerRow) -> Bool { false }

    package func end(error: String) { seen.error = error }
}
