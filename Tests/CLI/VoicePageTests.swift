import Runtime
import Testing

@testable import CLI

@Suite("What voicecall prints")
struct VoicePageTests {
    private static let now: Int64 = 1_795_442_400_000

    private func call(_ id: String, _ state: String, _ more: String = "") -> String {
        """
        {"callId":"\(id)","state":"\(state)","provider":"twilio","providerCallId":"CA1","direction":"outbound",
         "from":"+15550000001","to":"+15550000002","startedAt":\(Self.now - 90_000),"answeredAt":\(Self.now - 60_000),
         "mode":"notify","updatedAt":\(Self.now)\(more)}
        """
    }

    private func list(_ calls: [String]) throws -> JSON {
        try JSON(parsing: Array(#"{"rev":1,"calls":[\#(calls.joined(separator: ","))]}"#.utf8))
    }

    @Test("live calls first, then the last ten, within eighty columns")
    func table() throws {
        let ended = (0..<20).map { call("ended-\($0)", "completed", #","endedAt":\#(Self.now - 30_000)"#) }
        let inbound = #"{"callId":"live","state":"listening","direction":"inbound","from":"+15550000003"}"#
        let text = VoicePage.list(try list(ended + [inbound]), now: Self.now, style: .plain, width: 80)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 1 + 1 + VoicePage.past)
        #expect(lines[1].hasPrefix("live") && lines[1].contains("from +15550000003"))
        #expect(lines[2].hasPrefix("ended-0") && lines[2].contains("to +15550000002") && lines[2].contains("30 s"))
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(text)")
        #expect(VoicePage.list(try list([]), now: Self.now, style: .plain, width: 80).contains("voicecall call -t"))
    }

    @Test("one call with what was said in it; nothing of a stranger's breaks the terminal")
    func one() throws {
        let more = #","endReason":"hangup-user","transcript":[{"speaker":"user","text":"a\u001b[31mb"}]"#
        let json = try JSON(parsing: Array(call("c", "hangup-user", more).utf8))
        let text = VoicePage.call(json, now: Self.now, style: .plain)
        #expect(text.contains("c  hangup-user  to +15550000002") && text.contains("ended: hangup-user"))
        #expect(text.contains("user: a") && !text.contains("\u{1b}"))
        let line = VoicePage.line(json)
        #expect(line.contains("hangup-user") && line.contains("user: a") && !line.contains("\u{1b}"))
        #expect(!VoicePage.line([:]).isEmpty && !VoicePage.call([:], now: 0, style: .plain).isEmpty)
    }

    @Test("expose names the way that there is")
    func expose() {
        #expect(VoicePage.expose("funnel").contains(#"tunnel: { provider: "tailscale-funnel", expose: ["voice"] }"#))
        #expect(VoicePage.expose("serve").contains("tailscale-serve"))
    }

    @Test(
        "typed as in OpenClaw",
        arguments: [
            ["voicecall", "call", "-t", "+15550000002", "-m", "Hi", "--mode", "notify"],
            ["voicecall", "call", "--message", "Hi"], ["voicecall", "start", "--to", "+15550000002"],
            ["voicecall", "continue", "--call-id", "c", "-m", "?"],
            ["voicecall", "speak", "--call-id", "c", "--message", "!"],
            ["voicecall", "end", "--call-id", "c", "--json"], ["voicecall", "status", "--call-id", "c"], ["voicecall"],
            ["voicecall", "tail", "--since", "5", "--poll", "500"],
            ["voicecall", "expose", "--mode", "funnel", "--path", "/x", "--port", "1", "--serve-path", "/y"],
        ]
    )
    func typed(arguments: [String]) {
        let code = runCommandLine(arguments: ["clawhold"] + arguments + ["--state-dir", "/nonexistent"])
        #expect(code == 1, "understood, and nothing runs there")
    }

    @Test(
        "typed wrongly",
        arguments: [
            ["voicecall", "call", "-t", "+15550000002"], ["voicecall", "start", "-m", "Hi"], ["voicecall", "end"],
            ["voicecall", "call", "-m", "Hi", "--mode", "shout"], ["voicecall", "tail", "--poll", "1"],
        ]
    )
    func wrong(arguments: [String]) {
        #expect(runCommandLine(arguments: ["clawhold"] + arguments + ["--state-dir", "/nonexistent"]) == 2)
    }

    @Test("a call that is made names itself, so that a gateway which ends meanwhile can be asked again")
    func order() throws {
        let directory = temporaryDirectory()
        let gateway = try #require(
            FakeGateway(
                socket: "\(directory)/rpc.sock",
                [.endInCall, .serve { _, _ in .payload(["callId": "c", "initiated": true]) }]
            )
        )
        write(
            #"{"pid":1,"controlSocket":"/nowhere","rpcSocket":"\#(gateway.socket)"}"#,
            to: "\(directory)/gateway.runtime.json"
        )
        defer { gateway.stop() }
        let arguments = [
            "clawhold", "voicecall", "call", "-m", "Hi", "-t", "+15550000002", "--state-dir", directory, "--json",
        ]
        #expect(runCommandLine(arguments: arguments) == 0)
        let calls = gateway.received
        let keys = Set(calls.compactMap { $0.params["idempotencyKey"]?.string })
        #expect(calls.allSatisfy { $0.method == "voicecall.initiate" } && keys.count == 1 && !calls.isEmpty)
        #expect(calls.last?.params["to"] == "+15550000002" && calls.last?.params["message"] == "Hi")
    }
}
