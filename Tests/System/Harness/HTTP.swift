import TestSupport

/// One HTTP/1.1 exchange with 127.0.0.1, on a connection of its own.
enum HTTP {
    struct Answer: Sendable {
        var status: Int
        var head: String
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    static func get(_ port: UInt16, _ path: String, within seconds: Double = 10) async throws -> Answer {
        try await exchange(port, "GET", path, nil, seconds)
    }

    static func post(_ port: UInt16, _ path: String, _ body: JSONValue, within seconds: Double = 10) async throws
        -> Answer
    {
        try await exchange(port, "POST", path, body.bytes, seconds)
    }

    private static func exchange(
        _ port: UInt16,
        _ method: String,
        _ path: String,
        _ body: [UInt8]?,
        _ seconds: Double
    ) async throws -> Answer {
        try await blocking {
            let socket = try Socket.tcp(port)
            var request = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
            if let body { request += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n" }
            try socket.write(Array((request + "\r\n").utf8) + (body ?? []))
            return try answer(from: socket, seconds)
        }
    }

    /// Reads an answer to the end of the connection or of its declared length.
    static func answer(from socket: Socket, _ seconds: Double) throws -> Answer {
        var bytes: [UInt8] = []
        var head: (end: Int, length: Int?)?
        while true {
            if head == nil, let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound {
                head = (end, contentLength(String(decoding: bytes[..<end], as: UTF8.self)))
            }
            if let head, let length = head.length, bytes.count >= head.end + length { break }
            let more = try socket.read(within: seconds)
            if more.isEmpty { break }
            bytes += more
        }
        guard let head else { throw TestFailure("no HTTP answer: \(String(decoding: bytes, as: UTF8.self))") }
        let text = String(decoding: bytes[..<head.end], as: UTF8.self)
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let status = Int(words[1]) else { throw TestFailure("no HTTP status: \(text)") }
        return Answer(status: status, head: text, body: Array(bytes[head.end...]))
    }

    private static func contentLength(_ head: String) -> Int? {
        for line in head.lowercased().split(separator: "\r\n") where line.hasPrefix("content-length:") {
            return Int(line.dropFirst("content-length:".count).filter { $0 != " " })
        }
        return nil
    }
}
