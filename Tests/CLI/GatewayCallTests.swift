import Config
import Glibc
import Runtime
import Testing

@testable import CLI

@Suite("Calling the gateway")
struct GatewayCallTests {
    /// Runs `body` against a gateway that follows the script.
    private static func against(
        _ script: [FakeGateway.Conversation],
        _ body: (GatewayCall, FakeGateway) throws -> Void
    ) throws {
        let directory = temporaryDirectory()
        let gateway = try #require(FakeGateway(socket: "\(directory)/rpc.sock", script))
        defer {
            gateway.stop()
            rmdir(directory)
        }
        try body(GatewayCall(socket: gateway.socket), gateway)
    }

    private static let echo = FakeGateway.Conversation.serve { method, params in
        .payload(["method": .string(method), "params": params])
    }

    @Test("says connect, asks, and passes over what is not the answer; long texts come whole in both directions")
    func call() throws {
        try Self.against([Self.echo]) { call, gateway in
            for length in [3, 200, 70_000] {
                let params: JSON = ["text": .string(String(repeating: "ü", count: length))]
                let answer = try call.call("queue.list", params)
                #expect(answer["method"]?.string == "queue.list" && answer["params"] == params)
            }
            #expect(gateway.received.map(\.method) == ["queue.list", "queue.list", "queue.list"])
        }
    }

    @Test("what the gateway says no with is what the command says")
    func refusals() throws {
        try Self.against([.serve { _, _ in .error(code: "UNAVAILABLE", message: "in safe mode") }]) { call, _ in
            #expect(throws: GatewayCall.Refused(code: "UNAVAILABLE", message: "in safe mode")) {
                try call.call("queue.list")
            }
        }
        try Self.against([.refuse("unauthorized: not you")]) { call, _ in
            #expect(throws: GatewayCall.Refused(code: "INVALID_REQUEST", message: "unauthorized: not you")) {
                try call.call("queue.list")
            }
        }
    }

    @Test(
        "a gateway that is being replaced is waited for; one that ends in a call is asked again only when that is harmless"
    )
    func restart() throws {
        try Self.against([.end, .end, Self.echo]) { call, gateway in
            let answer = try call.call("channels.stop")
            #expect(answer["method"]?.string == "channels.stop")
            #expect(gateway.received.count == 1)
        }
        try Self.against([.endInCall, Self.echo]) { call, gateway in
            let failure = #expect(throws: CommandFailure.self) { try call.call("queue.drop") }
            #expect(failure?.text.contains("whether it was done is not known") == true)
            #expect(gateway.received.count == 1)
        }
        try Self.against([.endInCall, Self.echo]) { call, gateway in
            let answer = try call.call("queue.list", repeats: true)
            #expect(answer["method"]?.string == "queue.list")
            #expect(gateway.received.count == 2)
        }
    }

    @Test("one that does not come back, one that says nothing, and something else altogether are told apart")
    func dead() throws {
        try Self.against([.end]) { call, _ in
            var call = call
            call.patience = .milliseconds(250)
            #expect(throws: CommandFailure.self) { try call.call("health") }
        }
        try Self.against([.silence]) { call, _ in
            var call = call
            call.patience = .milliseconds(100)
            let failure = #expect(throws: CommandFailure.self) { try call.call("health") }
            #expect(failure?.text.contains("clawhold logs gateway") == true)
        }
        try Self.against([.bytes("HTTP/1.1 404 Not Found\r\n\r\n")]) { call, _ in
            let failure = #expect(throws: CommandFailure.self) { try call.call("health") }
            #expect(failure?.text.contains("404") == true)
        }
        let gone = #expect(throws: CommandFailure.self) { try GatewayCall(socket: "/tmp/no-such.sock").call("health") }
        #expect(gone?.text.contains("clawhold status") == true)
    }

    @Test("found by the pointer in the state directory, without the supervisor's socket")
    func discovery() throws {
        let directory = temporaryDirectory()
        let gateway = try #require(FakeGateway(socket: "\(directory)/rpc.sock", [Self.echo]))
        write(
            #"{"pid":1,"controlSocket":"/nowhere","rpcSocket":"\#(gateway.socket)"}"#,
            to: "\(directory)/gateway.runtime.json"
        )
        defer {
            gateway.stop()
            unlink("\(directory)/gateway.runtime.json")
            rmdir(directory)
        }
        var discovery = Discovery(stateDirectory: directory)
        discovery.roots = []
        #expect(try discovery.gateway().socket == gateway.socket)
    }

    @Test("frames survive any cut, and nothing that is no frame does")
    func frames() throws {
        let text = Array(String(repeating: "x", count: 300).utf8)
        let stream: [UInt8] =
            [0x01, 2, 104, 105] + [0x89, 1, 7] + [0x80, 126, 1, 44] + text + [0x88, 4, 3, 232, 98, 121]
        for cut in 0...stream.count {
            var frames = WebSocketFrames()
            var messages: [WebSocketFrames.Message] = []
            for part in [stream[..<cut], stream[cut...]] {
                frames.append(part)
                while let message = try frames.next() { messages.append(message) }
            }
            #expect(messages == [.ping([7]), .data(Array("hi".utf8) + text), .close(code: 1000, reason: "by")])
        }
        for bad in [[0x80, 1, 0], [0xC1, 0], [0x81, 0x80], [0x83, 0], [0x81, 127, 255, 0, 0, 0, 0, 0, 0, 0]]
            as [[UInt8]]
        {
            var frames = WebSocketFrames()
            frames.append(bad)
            #expect(throws: WebSocketFrames.Malformed.self) { try frames.next() }
        }
        #expect(WebSocketFrames.encode([1, 2], mask: [3, 4, 5, 6]) == [0x81, 0x82, 3, 4, 5, 6, 2, 6])
        #expect(WebSocketFrames.encode(text, mask: [0, 0, 0, 0]).prefix(4) == [0x81, 0xFE, 1, 44])
    }
}
