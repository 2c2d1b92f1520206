import Config
import FoundationEssentials
import IPCHub
import NIOPosix
import Runtime
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite("Telephone calls of an agent")
struct VoiceCallTests {
    /// A gateway that remembers what it was asked and answers the same to everything.
    private final class Gateway: GatewayAsking {
        struct Question: Sendable {
            var method: String
            var params: JSON
            var limit: Duration
        }

        let asked = Mutex<[Question]>([])
        let answer: Result<JSON, GatewayRefusal>

        init(_ answer: Result<JSON, GatewayRefusal> = .success(["success": true])) { self.answer = answer }

        func ask(_ method: String, _ params: JSON, within limit: Duration) async -> Result<JSON, GatewayRefusal> {
            asked.withLock { $0.append(Question(method: method, params: params, limit: limit)) }
            return answer
        }

        var last: Question? { asked.withLock { $0.last } }
    }

    private func context(_ channel: String = "telegram", sender: String = "7") -> ToolContext {
        var context = ToolContext(
            key: SessionKey("main", agent: "main"),
            sessionID: "s",
            model: "m",
            channel: channel,
            messageID: "",
            usage: TokenUsage(),
            collected: 0
        )
        (context.turnID, context.callID, context.senderID) = ("turn-1", "call-1", sender)
        return context
    }

    private func tool(_ gateway: Gateway, to number: String = "+15550000009") -> VoiceCallTool {
        var settings = AgentVoice()
        settings.toNumber = number
        return VoiceCallTool(gateway: gateway, settings: settings)
    }

    @Test(
        "each action is the gateway's method, the older form too",
        arguments: [
            (
                #"{"action":"initiate_call","message":"Hi","to":"+15550000002","mode":"notify"}"#, "voicecall.initiate",
                #"{"message":"Hi","to":"+15550000002","mode":"notify","idempotencyKey":"tool:turn-1:call-1"}"#
            ),
            (
                #"{"mode":"call","message":"Hi"}"#, "voicecall.initiate",
                #"{"message":"Hi","idempotencyKey":"tool:turn-1:call-1"}"#
            ),
            (
                #"{"action":"continue_call","callId":"c","message":"?"}"#, "voicecall.continue",
                #"{"callId":"c","message":"?"}"#
            ),
            (
                #"{"action":"speak_to_user","callId":"c","message":"!"}"#, "voicecall.speak",
                #"{"callId":"c","message":"!"}"#
            ),
            (#"{"action":"end_call","callId":"c"}"#, "voicecall.end", #"{"callId":"c"}"#),
            (#"{"action":"get_status","callId":"c"}"#, "voicecall.status", #"{"callId":"c"}"#),
            (#"{"mode":"status","sid":"CA1"}"#, "voicecall.status", #"{"callId":"CA1"}"#),
        ]
    )
    func actions(arguments: String, method: String, params: String) async throws {
        let gateway = Gateway()
        let outcome = await tool(gateway).run(try JSON(parsing: arguments.utf8), context: context())
        #expect(outcome == ToolOutcome(text: #"{"success":true}"#))
        let last = try #require(gateway.last)
        #expect(last.method == method)
        #expect(last.params == (try JSON(parsing: params.utf8)))
        #expect(last.limit == (method == "voicecall.continue" ? .seconds(190) : .seconds(75)))
    }

    @Test(
        "what is missing or wrong asks nobody",
        arguments: [
            #"{}"#, #"{"action":"shout"}"#, #"{"action":"initiate_call"}"#, #"{"action":"end_call"}"#,
            #"{"action":"speak_to_user","callId":"c","message":"  "}"#, #"{"mode":"status"}"#,
        ]
    )
    func wrong(arguments: String) async throws {
        let gateway = Gateway()
        let outcome = await tool(gateway).run(try JSON(parsing: arguments.utf8), context: context())
        #expect(outcome.isError && gateway.last == nil)
    }

    @Test("who is on the line is not called, named or not; anybody else may be")
    func ownCaller() async throws {
        let gateway = Gateway()
        let call: JSON = ["action": "initiate_call", "message": "Hi", "to": "+15550000002"]
        let onTheLine = context("voice-call", sender: "+15550000002")
        #expect(await tool(gateway).run(call, context: onTheLine).isError)
        let unnamed: JSON = ["action": "initiate_call", "message": "Hi"]
        #expect(await tool(gateway, to: "+15550000002").run(unnamed, context: onTheLine).isError)
        #expect(gateway.last == nil)
        #expect(await !tool(gateway).run(unnamed, context: onTheLine).isError)
        #expect(await !tool(gateway).run(call, context: context(sender: "+15550000002")).isError, "a chat is no call")
    }

    @Test("a refusal is an error for the model, in words")
    func refused() async throws {
        let gateway = Gateway(.failure(GatewayRefusal("the line is busy")))
        let outcome = await tool(gateway).run(["action": "end_call", "callId": "c"], context: context())
        #expect(outcome.isError && outcome.text.contains("the line is busy"))
    }

    @Test("it is never run again after a crash: what it does cannot be taken back")
    func notReadOnly() { #expect(!tool(Gateway()).isReadOnly) }

    @Test("a turn names its calls by itself and the model's call")
    func named() async throws {
        let gateway = Gateway()
        let input = #"{"action":"initiate_call","message":"Hi","to":"+15550000002"}"#
        let models = FakeModels(
            [.tool(id: "t1", name: "voice_call", input: input), .finish("tool_use")],
            [.text("It rings."), .finish("end_turn")]
        )
        let bench = try Bench(models, tools: [tool(gateway)])
        _ = try await bench.run(Bench.telegram("turn-9", "call mum"))
        let params = try #require(gateway.last?.params)
        #expect(params["idempotencyKey"]?.string?.hasPrefix("tool:turn-9:") == true)
    }

    @Test("on the telephone the model is told that it speaks, and is offered calls and no files")
    func prompt() async throws {
        let models = FakeModels([.text("Hello."), .finish("end_turn")])
        let folder = OutboundFiles(folder: MediaFolder(path: "/nowhere"), workspace: "/nowhere", owner: "agent:main")
        let bench = try Bench(models, tools: [tool(Gateway()), MessageTool(files: folder)])
        var turn = Bench.telegram("turn-1", "hello")
        turn.channel = "voice-call"
        turn.roomPrompt = "Short spoken sentences."
        turn.message.conversation = "15550000002"
        _ = try await bench.run(turn)
        let request = try #require(models.calls.first?.request)
        #expect(request.tools.map(\.name) == ["voice_call"])
        #expect(request.system.contains("Short spoken sentences.") && request.system.contains("is spoken in the call"))
        #expect(!request.system.contains("MEDIA:"))
    }

    // MARK: The door

    private func door(isUp: Bool = true) -> (GatewayDoor, Sent) {
        let sent = Sent()
        let door = GatewayDoor(loop: MultiThreadedEventLoopGroup.singleton.next()) { message in
            guard isUp, case .request(let request) = message else { return false }
            sent.add(request)
            return true
        }
        return (door, sent)
    }

    /// What went out, in order.
    private final class Sent: Sendable {
        private let list = Mutex<[HubRequest]>([])
        var all: [HubRequest] { list.withLock { $0 } }
        func add(_ request: HubRequest) { list.withLock { $0.append(request) } }
    }

    private func response(_ id: UInt64, _ text: String, last: Bool = true, error: String = "") -> HubResponse {
        var response = HubResponse()
        response.id = id
        response.payload = Data(text.utf8)
        response.last = last
        response.error = error
        return response
    }

    @Test("an answer comes to its question, in parts and in any order")
    func answers() async throws {
        let (door, sent) = door()
        async let first = door.ask("voicecall.end", ["callId": "a"], within: .seconds(20))
        try await eventually { sent.all.count == 1 }
        async let second = door.ask("voicecall.end", ["callId": "b"], within: .seconds(20))
        try await eventually { sent.all.count == 2 }
        door.received(response(sent.all[1].id, #"{"b":1}"#))
        door.received(response(sent.all[0].id, #"{"a""#, last: false))
        door.received(response(sent.all[0].id, ":1}"))
        door.received(response(99, "{}"))
        #expect(await first == .success(["a": 1]))
        #expect(await second == .success(["b": 1]))
    }

    @Test("an error, nonsense, a lost link, no link, silence: each is said")
    func failures() async throws {
        let (door, sent) = door()
        func ask(_ answer: (UInt64) -> Void) async throws -> String {
            let count = sent.all.count
            async let asked = door.ask("voicecall.end", [:], within: .seconds(20))
            try await eventually { sent.all.count > count }
            answer(sent.all[count].id)
            guard case .failure(let refusal) = await asked else { return "" }
            return refusal.text
        }
        #expect(try await ask { door.received(response($0, "", error: "busy")) } == "busy")
        #expect(try await ask { door.received(response($0, "{")) }.contains("not understood"))
        #expect(try await ask { _ in door.lost() }.contains("whether it was done is not known"))
        let silent = await door.ask("voicecall.end", [:], within: .milliseconds(20))
        #expect(silent == .failure(GatewayRefusal("the gateway did not answer in time; it may be done all the same")))
        let (down, _) = self.door(isUp: false)
        let none = await down.ask("voicecall.end", [:], within: .seconds(20))
        #expect(none == .failure(GatewayRefusal("the gateway is not there at the moment")))
    }

    @Test("eight questions wait, the ninth is refused, and an answer that is too long is none")
    func bounds() async throws {
        let (door, sent) = door()
        let waiting = (0..<GatewayDoor.limit).map { _ in
            Task { await door.ask("voicecall.end", [:], within: .seconds(20)) }
        }
        try await eventually { sent.all.count == GatewayDoor.limit }
        let ninth = await door.ask("voicecall.end", [:], within: .seconds(20))
        #expect(ninth == .failure(GatewayRefusal("8 questions wait for the gateway already")))
        let long = String(repeating: " ", count: GatewayDoor.answerBytes)
        for request in sent.all {
            door.received(response(request.id, long, last: false))
            door.received(response(request.id, "{}"))
        }
        for task in waiting {
            #expect(await task.value == .failure(GatewayRefusal("the gateway's answer is not understood")))
        }
    }
}
