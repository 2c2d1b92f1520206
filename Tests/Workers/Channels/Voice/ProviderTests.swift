import Config
import FoundationEssentials
import IPCHub
import Runtime
import Testing

@testable import Voice

@Suite("What providers are told and say")
struct ProviderTests {
    private var record: CallRecord {
        var record = CallRecord(
            callId: "c-1",
            provider: "twilio",
            direction: .outbound,
            state: .initiated,
            from: "+15550001111",
            to: "+15552223333",
            startedAt: 1_700_000_000_000,
            mode: .notify
        )
        record.initialMessage = "Hi"
        return record
    }

    private var script: TwilioScript {
        TwilioScript(webhook: "https://a.example/v", callId: "c-1", settings: VoiceConfig(.twilio))
    }

    @Test("TwiML escapes five characters and leaves out what XML forbids")
    func twiml() {
        let text = TwiML(.say("a<b>&\"'\u{0}\u{8}\u{FFFE}\u{1F600}\n", voice: TwilioVoice("echo", language: "de-DE")))
            .text
        #expect(
            text == #"<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="Polly.Matthew" language="de-DE">"#
                + "a&lt;b&gt;&amp;&quot;&apos;\u{1F600}\n</Say></Response>"
        )
        #expect(TwiML(.rejectBusy).text.hasSuffix(#"<Response><Reject reason="busy"/></Response>"#))
        #expect(TwiML(.reject).text.hasSuffix("<Response><Reject/></Response>"))
        #expect(TwiML().text.hasSuffix("<Response></Response>"))
    }

    @Test(
        "voices",
        arguments: [
            ("alloy", "Polly.Joanna"), ("onyx", "Polly.Brian"), ("Polly.Vicki", "Polly.Vicki"), ("", "Polly.Joanna"),
            ("Google.de-DE-Standard-A", "Google.de-DE-Standard-A"), ("whatever", "Polly.Joanna"),
        ]
    )
    func voices(_ wanted: String, _ voice: String) { #expect(TwilioVoice(wanted, language: "").name == voice) }

    @Test("a question listens and comes back when nothing is said; a long chunk comes back for the next")
    func scripts() {
        let question = script.listen(saying: "Yes?", token: "t1").text
        #expect(question.contains(#"<Say voice="Polly.Joanna">Yes?</Say><Gather input="speech" speechTimeout="auto""#))
        #expect(question.contains(#"action="https://a.example/v?callId=c-1&amp;turn=t1""#))
        #expect(question.contains(#"<Redirect method="POST">https://a.example/v?callId=c-1&amp;silence=t1</Redirect>"#))
        let long = script.say(String(repeating: "x", count: TwilioScript.longChunk), token: "t2").text
        #expect(long.contains("callId=c-1&amp;wait=t2</Redirect>") && !long.contains("<Gather"))
        #expect(script.say("short", token: "t").text.contains("<Gather"))
        #expect(script.wait(token: "t").text.contains(#"<Pause length="1"/><Redirect"#))
        #expect(script.notify("Hi", delay: 3).text.contains(#"</Say><Pause length="3"/><Hangup/></Response>"#))
        #expect(script.notify("Hi", delay: 0).text.contains("</Say><Hangup/></Response>"))
    }

    private func text(_ request: ProviderRequest) -> String { String(decoding: request.body, as: UTF8.self) }

    @Test("Twilio is asked to dial with an address for all that happens, or with all instructions at once")
    func create() {
        let requests = TwilioRequests(root: "https://api.twilio.com", account: "AC1")
        let told = requests.create(record, webhook: "https://a.example/v", twiml: "<x/>", ring: 30, longest: 330)
        #expect(told.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls.json")
        let body = text(told)
        for part in [
            "To=%2B15552223333", "From=%2B15550001111", "Url=https%3A%2F%2Fa.example%2Fv%3FcallId%3Dc-1&",
            "FallbackUrl=https%3A%2F%2Fa.example%2Fv%3FcallId%3Dc-1&",
            "StatusCallback=https%3A%2F%2Fa.example%2Fv%3FcallId%3Dc-1%26type%3Dstatus", "Timeout=30", "TimeLimit=330",
            "StatusCallbackEvent=initiated&StatusCallbackEvent=ringing&StatusCallbackEvent=answered&StatusCallbackEvent=completed",
        ] { #expect(body.contains(part), "\(part)") }
        #expect(!body.contains("Twiml"))
        let inline = text(requests.create(record, webhook: nil, twiml: "<x/>", ring: 30, longest: 330))
        #expect(inline.contains("Twiml=%3Cx%2F%3E") && !inline.contains("Url=") && !inline.contains("Status"))
        #expect(text(requests.hangUp("CA1")) == "Status=completed")
        let list = requests.list(from: "+1", to: "+2", since: 1_700_000_000_000).url
        #expect(list.hasSuffix("/Calls.json?To=%2B2&From=%2B1&StartTime%3E=2023-11-13&PageSize=50"))
    }

    @Test("days and moments")
    func moments() {
        #expect(TwilioRequests.day(0) == "1970-01-01" && TwilioRequests.day(951_782_400_000) == "2000-02-29")
        #expect(TwilioRequests.day(1_735_689_599_999) == "2024-12-31")
        #expect(TwilioRequests.moment("Tue, 31 Aug 2010 20:36:28 +0000") == 1_283_286_988_000)
        #expect(TwilioRequests.moment("Thu, 29 Feb 2024 00:00:00 +0000") == 1_709_164_800_000)
        for bad in [
            "", "x", "Tue, 31 Aug 2010 20:36:28 +0100", "Tue, 99 Aug 2010 20:36:28 +0000",
            "Tue, 31 Foo 2010 20:36:28 +0000",
        ] {
            #expect(TwilioRequests.moment(bad) == nil)
        }
    }

    @Test("a call that was dialled without an answer is found by its numbers and its time, never another's")
    func match() throws {
        func call(_ sid: String, _ created: String, to: String = "+15552223333") -> JSON {
            ["sid": .string(sid), "to": .string(to), "from": "+15550001111", "date_created": .string(created)]
        }
        let calls = [
            call("CA-old", "Tue, 14 Nov 2023 22:00:00 +0000"), call("CA-mine", "Tue, 14 Nov 2023 22:13:21 +0000"),
            call("CA-later", "Tue, 14 Nov 2023 22:13:40 +0000"),
            call("CA-other", "Tue, 14 Nov 2023 22:13:20 +0000", to: "+15554445555"),
        ]
        #expect(TwilioProvider.match(calls, record, known: []) == "CA-mine")
        #expect(TwilioProvider.match(calls, record, known: ["CA-mine"]) == "CA-later")
        #expect(TwilioProvider.match(calls, record, known: ["CA-mine", "CA-later"]) == nil)
    }

    @Test("Twilio's words for how a call is")
    func statuses() {
        let expected: [(String, CallEvent.Kind?)] = [
            ("queued", .initiated), ("ringing", .ringing), ("in-progress", .answered),
            ("completed", .ended(.completed)),
            ("busy", .ended(.busy)), ("no-answer", .ended(.noAnswer)), ("failed", .ended(.failed)),
            ("canceled", .ended(.hangupBot)), ("surprise", nil),
        ]
        for (status, kind) in expected { #expect(TwilioRequest.kind(status: status) == kind) }
    }

    @Test("a request of Twilio's is read by its address and its form, and its status has one name for ever")
    func twilioRequest() throws {
        func read(_ query: String, _ form: String) throws -> TwilioRequest? {
            TwilioRequest(
                query: try #require(FormFields(parsing: Array(query.utf8))),
                form: try #require(FormFields(parsing: Array(form.utf8)))
            )
        }
        let status = try #require(
            try read("callId=c-1&type=status", "CallSid=CA1&CallStatus=ringing&SequenceNumber=1&Direction=outbound-api")
        )
        #expect(status.purpose == .status && status.callId == "c-1" && status.event?.id == "CA1:ringing:1")
        #expect(try read("callId=c-1&turn=t", "CallSid=CA1&SpeechResult=yes")?.purpose == .speech(turn: "t"))
        #expect(try read("callId=c-1&wait=t", "CallSid=CA1")?.purpose == .wait)
        #expect(try read("callId=c-1&silence=t", "CallSid=CA1")?.purpose == .silence)
        #expect(try read("", "CallSid=CA1&Direction=inbound&From=%2B1555")?.isInbound == true)
        #expect(try read("callId=..%2F%0A", "CallSid=CA1")?.callId == nil)
        for form in ["", "CallSid=", "CallSid=a%2Fb", "CallSid=" + String(repeating: "x", count: 129)] {
            #expect(try read("callId=c-1", form) == nil)
        }
    }

    @Test("Telnyx' requests name the command, the same for the same")
    func telnyx() throws {
        let requests = TelnyxRequests(root: "https://api.telnyx.com", connection: "77")
        var called = record
        called.providerCallId = "v3:abc/d"
        let dial = try JSON(parsing: requests.dial(called, webhook: "https://a.example/v", ring: 30, longest: 330).body)
        #expect(dial["connection_id"] == "77" && dial["to"] == "+15552223333" && dial["timeout_secs"] == 30)
        #expect(dial["client_state"]?.string.flatMap(TelnyxEvent.callId) == "c-1")
        let speak = requests.speak(
            "v3:abc/d",
            "Hi\u{0}",
            voice: "",
            language: "",
            command: TelnyxRequests.command("c-1", "send:5")
        )
        #expect(speak.url == "https://api.telnyx.com/v2/calls/v3%3Aabc%2Fd/actions/speak")
        let body = try JSON(parsing: speak.body)
        #expect(body["payload"] == "Hi" && body["voice"] == "female" && body["language"] == "en-US")
        #expect(TelnyxRequests.command("c-1", "send:5") == TelnyxRequests.command("c-1", "send:5"))
        #expect(TelnyxRequests.command("c-1", "send:5") != TelnyxRequests.command("c-1", "send:6"))
        #expect(TelnyxRequests.command("c-1", "send:5").count == 36)
        #expect(
            TelnyxRequests.voice("alloy") == "AWS.Polly.Joanna"
                && TelnyxRequests.voice("Polly.Vicki") == "AWS.Polly.Vicki"
        )
    }

    @Test("Telnyx' events")
    func telnyxEvents() throws {
        func event(_ type: String, _ payload: String) throws -> CallEvent {
            let body = #"{"data":{"id":"e1","event_type":"\#(type)","payload":{"call_control_id":"v3:x"\#(payload)}}}"#
            return try #require(TelnyxEvent(Array(body.utf8))).event
        }
        let incoming = try event("call.initiated", #","direction":"incoming","from":"+1555","to":"+1666""#)
        #expect(incoming.kind == .initiated && incoming.direction == .inbound && incoming.from == "+1555")
        let final = #","transcription_data":{"transcript":"hello","is_final":true}"#
        #expect(try event("call.transcription", final).kind == .speech("hello"))
        let part = #","transcription_data":{"transcript":"hel","is_final":false}"#
        #expect(try event("call.transcription", part).kind == .other("call.transcription"))
        let causes: [(String, CallRecord.State)] = [
            ("normal_clearing", .completed), ("originator_cancel", .hangupBot), ("user_busy", .busy),
            ("call_rejected", .busy), ("no_answer", .noAnswer), ("destination_out_of_order", .failed),
            ("user_hangup", .hangupUser), ("machine", .voicemail), ("whatever", .completed),
        ]
        for (cause, state) in causes {
            #expect(try event("call.hangup", #","hangup_cause":"\#(cause)""#).kind == .ended(state))
        }
        #expect(TelnyxEvent(Array("{}".utf8)) == nil)
    }

    @Test("who may call: the whole number, and never nobody")
    func inbound() {
        var settings = VoiceConfig(.twilio)
        #expect(InboundPolicy.refusal(of: "+15551234567", settings: settings)?.contains("inboundPolicy") == true)
        settings.inboundPolicy = .allowlist
        settings.allowFrom = ["+1 (555) 123-4567"]
        #expect(InboundPolicy.refusal(of: "+15551234567", settings: settings) == nil)
        for from in ["", "anonymous", "15551234567", "+5551234567", "+155512345670", "+1555123456"] {
            #expect(InboundPolicy.refusal(of: from, settings: settings) != nil, "\(from)")
        }
        settings.inboundPolicy = .open
        #expect(InboundPolicy.refusal(of: "anonymous", settings: settings) == nil)
    }

    @Test(
        "numbers",
        arguments: [
            ("+15551234567", true), ("+12", true), ("+0123", false), ("+", false), ("15551234567", false),
            ("+1555123456789012", false), ("+1555a", false), ("", false),
        ]
    )
    func numbers(_ text: String, _ isNumber: Bool) { #expect((E164.number(text) != nil) == isNumber) }

    @Test("what was said becomes a message of the number, and what was refused says what to set")
    func words() {
        var words = SpokenWords(
            callId: "c-1",
            providerCallId: "CA1",
            direction: .inbound,
            number: "+15551234567",
            turn: "t1",
            text: "hello",
            at: 5
        )
        #expect(words.key == "voice-call:default:CA1:t1")
        guard case .message(let message) = SpokenWords.normalize(words.encoded()) else {
            Issue.record("no message")
            return
        }
        #expect(message.text == "hello" && message.conversation == "15551234567" && message.mentioned)
        #expect(message.conversationLabel == "+15551234567" && message.messageID == "t1" && message.timestampMs == 5)
        #expect(SpokenWords.Target(decoding: message.replyTarget)?.callId == "c-1")
        for hidden in ["", "anonymous", "+266696687"] {
            words.number = hidden
            guard case .message(let message) = SpokenWords.normalize(words.encoded()) else {
                Issue.record("no message")
                return
            }
            #expect(message.conversation == "c-1", "two who hide their number share nothing")
        }
        words.number = "+15551234567"
        words.refused = "inboundPolicy is \"disabled\""
        #expect(words.key == "voice-call:default:CA1:refused")
        guard case .refused(let caller, let reason) = SpokenWords.normalize(words.encoded()) else {
            Issue.record("a refused call was a message")
            return
        }
        #expect(reason.contains("inboundPolicy") && caller.senderID == "+15551234567")
        let whole = words.encoded()
        for length in 0..<whole.count {
            guard case .ignored = SpokenWords.normalize(Array(whole.prefix(length))) else {
                Issue.record("\(length) bytes were a message")
                return
            }
        }
    }

    @Test("without what it needs the worker says what to set")
    func credentials() {
        var settings = VoiceConfig(.twilio)
        func trouble(_ secrets: [String: String] = [:]) -> String {
            VoiceNetwork.check(settings, secrets).0?.description ?? ""
        }
        #expect(trouble().contains("fromNumber"))
        settings.fromNumber = "+15550001111"
        #expect(trouble().contains("accountSid"))
        settings.accountSid = "AC1"
        #expect(trouble().contains("TWILIO_AUTH_TOKEN"))
        #expect(trouble(["TWILIO_AUTH_TOKEN": "x"]).isEmpty)
        settings.skipsSignatures = true
        settings.bind = "0.0.0.0"
        #expect(trouble(["TWILIO_AUTH_TOKEN": "x"]).contains("skipSignatureVerification"))
        settings = VoiceConfig(.telnyx)
        settings.fromNumber = "+15550001111"
        settings.connectionId = "7"
        #expect(trouble(["TELNYX_API_KEY": "k"]).contains("TELNYX_PUBLIC_KEY"))
        settings = VoiceConfig(.mock)
        #expect(trouble().isEmpty)
        settings.bind = "0.0.0.0"
        #expect(trouble().contains("127.0.0.1"))
    }
}
