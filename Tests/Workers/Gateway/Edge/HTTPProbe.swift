internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Testing

@testable internal import Gateway

/// Plain HTTP spoken by hand, so that what is on the wire is what is tested.
enum HTTPProbe {
    struct Answer {
        var status: Int
        /// Names in lower case.
        var headers: [String: String]
        var body: String
    }

    static func get(_ bench: EdgeBench, _ target: String, headers: [String] = []) async throws -> Answer {
        try await send(
            bench,
            "GET \(target) HTTP/1.1\r\nHost: localhost\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n"
        )
    }

    /// Sends `request` as it is and reads until the server closes.
    static func send(_ bench: EdgeBench, _ request: String) async throws -> Answer {
        let channel = try await ClientBootstrap(group: bench.group)
            .connect(host: "127.0.0.1", port: bench.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        var all = ByteBuffer()
        do {
            try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: request))
                for try await part in inbound { all.writeImmutableBuffer(part) }
            }
        } catch {
            // A reset is an end too; what came before it counts.
        }
        let text = String(buffer: all)
        return parse(text)
    }

    /// A small file of /proc.
    static func file(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        try #require(count >= 0)
        return Array(bytes.prefix(count))
    }

    private static func parse(_ text: String) -> Answer {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let lines = (parts.first ?? "").split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            headers[String(pair[0]).lowercased()] = String(pair.last ?? "").trimmingSpace
        }
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return Answer(status: status, headers: headers, body: parts.count == 2 ? String(parts[1]) : "")
    }
}
