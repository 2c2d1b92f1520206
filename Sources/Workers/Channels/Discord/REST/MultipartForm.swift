internal import NIOCore
internal import Runtime

/// A message with files: `payload_json` and `files[n]`, whose bytes come piece by piece from whoever owns them.
struct MultipartForm: Sendable {
    /// One file. `size` is what its owner says; one that turns out otherwise breaks the request off before it counts.
    struct File: Sendable {
        var name: String
        var mime: String
        var size: Int64
        var bytes: Bytes

        enum Bytes: Sendable {
            case here([UInt8])
            /// Hands the file to the closure, piece by piece.
            case elsewhere(@Sendable (@escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Void)
        }
    }

    private let boundary: String
    private let payload: [UInt8]
    private let files: [File]

    init(payload: JSON, files: [File]) {
        boundary = "clawhold-\(UInt64.random(in: .min ... .max))"
        self.payload = payload.encoded()
        self.files = files
    }

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    var length: Int64 {
        var length = Int64(head.count + tail.count)
        for (number, file) in files.enumerated() { length += Int64(head(of: file, number).count) + file.size }
        return length
    }

    private var head: [UInt8] {
        Array(
            "--\(boundary)\r\ncontent-disposition: form-data; name=\"payload_json\"\r\ncontent-type: application/json\r\n\r\n"
                .utf8
        ) + payload
    }

    private func head(of file: File, _ number: Int) -> [UInt8] {
        Array(
            ("\r\n--\(boundary)\r\ncontent-disposition: form-data; name=\"files[\(number)]\"; filename=\"\(Self.safe(file.name))\""
                + "\r\ncontent-type: \(Self.type(file.mime))\r\n\r\n").utf8
        )
    }

    private var tail: [UInt8] { Array("\r\n--\(boundary)--\r\n".utf8) }

    /// A name or type that cannot break out of its header.
    static func safe(_ text: String) -> String {
        let clean = text.unicodeScalars.map { scalar -> Character in
            scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || scalar == "/" || scalar.value == 0x7F
                ? "_" : Character(scalar)
        }
        return String(clean.prefix(128))
    }

    /// A media type keeps its slash.
    static func type(_ mime: String) -> String {
        let parts = mime.split(separator: "/")
        let isGood = parts.count == 2 && mime.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        return isGood && mime.utf8.count <= 127 ? mime : "application/octet-stream"
    }

    /// The body as it is sent. One piece is made when the last one has left.
    var parts: Parts { Parts(form: self) }

    struct Parts: AsyncSequence, Sendable {
        let form: MultipartForm

        func makeAsyncIterator() -> AsyncThrowingStream<ByteBuffer, any Error>.Iterator {
            form.stream().makeAsyncIterator()
        }
    }

    /// Pulls: a piece is asked for when the last one has left, so that no more than two are in memory.
    private func stream() -> AsyncThrowingStream<ByteBuffer, any Error> {
        let gate = PieceGate()
        // Cancelled when whoever reads lets go of the stream.
        let producer = Producer(
            task: Task {
                do {
                    try await gate.put(ByteBuffer(bytes: head))
                    for (number, file) in files.enumerated() {
                        try await gate.put(ByteBuffer(bytes: head(of: file, number)))
                        switch file.bytes {
                        case .here(let bytes): try await gate.put(ByteBuffer(bytes: bytes))
                        case .elsewhere(let read): try await read { try await gate.put(ByteBuffer(bytes: $0)) }
                        }
                    }
                    try await gate.put(ByteBuffer(bytes: tail))
                    await gate.finish(nil)
                } catch {
                    await gate.finish(error)
                }
            }
        )
        return AsyncThrowingStream {
            defer { withExtendedLifetime(producer) {} }
            return try await gate.next()
        }
    }

    private final class Producer: Sendable {
        let task: Task<Void, Never>

        init(task: Task<Void, Never>) { self.task = task }

        deinit { task.cancel() }
    }
}

/// Hands pieces from one task to another, one at a time.
private actor PieceGate {
    private var piece: ByteBuffer?
    private var end: Result<Void, any Error>?
    private var taker: CheckedContinuation<Void, Never>?
    private var giver: CheckedContinuation<Void, Never>?

    func put(_ next: ByteBuffer) async throws {
        while piece != nil {
            try Task.checkCancellation()
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if Task.isCancelled { continuation.resume() } else { giver = continuation }
                }
            } onCancel: {
                Task { await self.wakeGiver() }  // at once
            }
        }
        piece = next
        wakeTaker()
    }

    func finish(_ error: (any Error)?) {
        end = error.map { .failure($0) } ?? .success(())
        wakeTaker()
    }

    func next() async throws -> ByteBuffer? {
        while true {
            if let piece {
                self.piece = nil
                wakeGiver()
                return piece
            }
            if let end {
                try end.get()
                return nil
            }
            try Task.checkCancellation()
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if Task.isCancelled { continuation.resume() } else { taker = continuation }
                }
            } onCancel: {
                Task { await self.wakeTaker() }  // at once
            }
        }
    }

    private func wakeGiver() {
        giver?.resume()
        giver = nil
    }

    private func wakeTaker() {
        taker?.resume()
        taker = nil
    }
}
