import IPCHub
import SwiftProtobuf
import Testing

@testable import Telegram

@Suite("The calls that a row needs")
struct SendScriptTests {
    private let target = ReplyTarget(chat: -5, thread: 42, message: 9)

    private func script(_ mode: String = "first", first: Bool = true, _ fill: (inout HubOutgoing) -> Void) throws
        -> [SendScript.Step]
    {
        var send = HubSend()
        send.first = first
        fill(&send.content)
        return try SendScript(send, to: target, replyToMode: mode).steps
    }

    private func place(_ step: SendScript.Step?) -> SendPlace? {
        switch step {
        case .text(_, _, let place)?, .file(_, _, _, let place)?, .edit(_, _, _, let place)?: place
        case .delete?, .reaction?, nil: nil
        }
    }

    private func picture(_ size: UInt64 = 10) -> HubMedia {
        .with {
            $0.kind = .image; $0.mime = "image/png"; $0.size = size
        }
    }

    @Test("words without marks go as they are, marks as HTML with the words to fall back on")
    func text() throws {
        #expect(
            try script("off") { $0.text = "1 < 2" } == [
                .text(html: nil, plain: "1 < 2", place: SendPlace(target: target))
            ]
        )
        #expect(
            try script("off") { $0.text = "**1** < 2" }
                == [.text(html: "<b>1</b> &lt; 2", plain: "1 < 2", place: SendPlace(target: target))]
        )
    }

    @Test(
        "the mode says which chunks mark the question; a named message counts, none marks none",
        arguments: [
            ("off", true, "", nil), ("first", true, "", 9), ("first", false, "", nil), ("all", false, "", 9),
            ("first", true, "77", 77), ("all", true, "none", nil),
        ] as [(String, Bool, String, Int64?)]
    )
    func replies(_ mode: String, _ first: Bool, _ id: String, _ expected: Int64?) throws {
        let steps = try script(mode, first: first) {
            $0.text = "x"
            $0.messageID = id
        }
        #expect(place(steps.first)?.reply == expected)
    }

    @Test("a short text is the first file's caption, a longer one follows the files; buttons hang on the last")
    func files() throws {
        let buttons = HubButtonRow.with {
            $0.buttons = [
                .with {
                    $0.label = "Yes"; $0.data = "y"
                }
            ]
        }
        let short = try script {
            $0.text = "**x**"
            $0.media = [picture(), .with { $0.kind = .file }]
            $0.buttons = [buttons]
        }
        guard case .file(_, .sendPhoto, let caption, let first) = short.first,
            case .file(_, .sendDocument, nil, let second) = short.last
        else { throw CancellationError() }
        #expect(caption == .init(html: "<b>x</b>", plain: "x") && short.count == 2)
        #expect(first.reply == 9 && first.keyboard != nil && second.reply == nil && second.keyboard == nil)
        let long = try script {
            $0.text = String(repeating: "a", count: 1025)
            $0.media = [picture()]
            $0.buttons = [buttons]
        }
        guard case .file(_, _, nil, let top) = long.first, case .text(_, _, let bottom) = long.last else {
            throw CancellationError()
        }
        #expect(top.reply == 9 && top.keyboard == nil && bottom.keyboard != nil && bottom.reply == nil)
    }

    @Test("more than 4096 units become several messages, none of them longer")
    func long() throws {
        let steps = try script { $0.text = "**" + String(repeating: "wörd ", count: 2000) + "end**" }
        #expect(steps.count == 3)
        for step in steps {
            guard case .text(let html, let plain, _) = step else { throw CancellationError() }
            #expect(plain.utf16.count <= 4096 && html?.hasPrefix("<b>") == true)
        }
        let huge = try script { $0.text = "**" + String(repeating: "a ", count: 9000) + "end**" }
        #expect(huge.allSatisfy { if case .text(nil, _, _) = $0 { true } else { false } }, "too long to look for marks")
    }

    @Test(
        "a file goes the way its kind asks for",
        arguments: [
            (
                HubMedia.with {
                    $0.kind = .image; $0.mime = "image/gif"
                }, false, FileMethod.sendAnimation
            ),
            (
                .with {
                    $0.kind = .image; $0.mime = "image/png"; $0.size = 11 << 20
                }, false, .sendDocument
            ),
            (.with { $0.kind = .audio }, false, .sendAudio), (.with { $0.kind = .audio }, true, .sendVoice),
            (.with { $0.kind = .voice }, false, .sendVoice), (.with { $0.kind = .video }, false, .sendVideo),
            (.with { $0.kind = .file }, true, .sendDocument), (.with { $0.kind = .sticker }, false, .sendDocument),
        ]
    )
    func methods(_ media: HubMedia, _ asVoice: Bool, _ method: FileMethod) {
        #expect(FileMethod(media, asVoice: asVoice) == method)
    }

    @Test("reactions, edits and deletions name their message; without one, or without content, they are refused")
    func others() throws {
        #expect(
            try script {
                $0.kind = .reaction; $0.emoji = "👍"
            } == [.reaction(message: 9, emoji: "👍")]
        )
        #expect(
            try script {
                $0.kind = .reaction; $0.remove = true; $0.messageID = "4"
            } == [.reaction(message: 4, emoji: nil)]
        )
        #expect(
            try script {
                $0.kind = .delete; $0.messageID = "4"
            } == [.delete(message: 4)]
        )
        #expect(throws: SendScript.Refusal.self) { try script { $0.kind = .delete } }
        #expect(throws: SendScript.Refusal.self) {
            try script {
                $0.kind = .edit; $0.messageID = "4"
            }
        }
        #expect(throws: SendScript.Refusal.self) { try script { $0.kind = .reaction } }
        #expect(throws: SendScript.Refusal.self) { try script { $0.text = " \n" } }
    }

    @Test("buttons that Telegram would refuse are left out")
    func buttons() {
        func button(_ label: String, _ data: String) -> HubButtonRow.Button {
            .with {
                $0.label = label; $0.data = data
            }
        }
        let row = HubButtonRow.with {
            $0.buttons = [
                button("a", "1"), button(" ", "2"), button("c", String(repeating: "x", count: 65)), button("d", ""),
            ]
        }
        #expect(Keyboard([row])?.inlineKeyboard == [[.init(text: "a", callbackData: "1")]])
        #expect(Keyboard([HubButtonRow()]) == nil)
        let many = HubButtonRow.with { $0.buttons = (0..<20).map { button("b\($0)", "\($0)") } }
        let limited = Keyboard(Array(repeating: many, count: 30))?.inlineKeyboard ?? []
        #expect(limited.allSatisfy { $0.count <= 8 } && limited.map(\.count).reduce(0, +) == 100)
    }
}

@Suite("How fast messages leave")
struct SendPaceTests {
    private let start = ContinuousClock.now

    @Test("a chat has a burst of four, then one message a second; another chat is not held up")
    func perChat() {
        var pace = SendPace()
        let waits = (0..<7).map { _ in pace.reserve(1, isGroup: false, patience: .seconds(60), now: start).wait }
        #expect(waits == [.zero, .zero, .zero, .zero, .seconds(1), .seconds(2), .seconds(3)])
        #expect(pace.reserve(2, isGroup: false, patience: .seconds(60), now: start).wait == .zero)
        #expect(pace.reserve(1, isGroup: false, patience: .seconds(60), now: start + .seconds(60)).wait == .zero)
    }

    @Test("a group has no more than 23 messages in its first minute, all chats no more than 60 in the first second")
    func limits() {
        var pace = SendPace()
        let group = (0..<40).map { _ in pace.reserve(-1, isGroup: true, patience: .seconds(600), now: start).wait }
        #expect(group.filter { $0 < .seconds(60) }.count == 23)
        var busy = SendPace()
        let all = (1...200).map { busy.reserve($0, isGroup: false, patience: .seconds(600), now: start).wait }
        #expect(all.filter { $0 < .seconds(1) }.count <= 60)
    }

    @Test("a wait beyond patience reserves nothing, and 429 holds up its own chat only")
    func patience() {
        var pace = SendPace()
        pace.block(1, for: .seconds(9), now: start)
        #expect(pace.reserve(1, isGroup: false, patience: .seconds(5), now: start) == (.seconds(9), false))
        #expect(pace.reserve(2, isGroup: false, patience: .seconds(5), now: start) == (.zero, true))
        #expect(pace.reserve(1, isGroup: false, patience: .seconds(5), now: start + .seconds(9)) == (.zero, true))
    }

    @Test("chats that are quiet are forgotten")
    func memory() {
        var pace = SendPace()
        for chat in 0..<5000 {
            _ = pace.reserve(Int64(chat), isGroup: false, patience: .seconds(1), now: start + .seconds(2) * chat)
            pace.block(Int64(chat), for: .seconds(1), now: start + .seconds(2) * chat)
        }
        #expect(pace.count <= SendPace.chatLimit)
    }
}
