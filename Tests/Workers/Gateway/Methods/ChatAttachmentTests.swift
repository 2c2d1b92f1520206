import FoundationEssentials
import Glibc
import Testing

@testable import Gateway

@Suite("Pictures in chat.send")
struct ChatAttachmentTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3]

    private static func item(_ bytes: [UInt8], prefix: String = "") -> WireValue {
        [
            "type": "image", "mimeType": "image/gif", "fileName": "a b.gif",
            "content": .string(prefix + Data(bytes).base64EncodedString()),
        ]
    }

    private static func state() throws -> String {
        var template = Array("/tmp/clawhold-attach-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        return String(cString: made)
    }

    private static func removeState(_ path: String, _ names: [String]) {
        for name in names { unlink("\(path)/media/inbound/\(name)") }
        rmdir("\(path)/media/inbound")
        rmdir("\(path)/media")
        rmdir(path)
    }

    @Test("a picture is stored under a name of our own, its type by its bytes, a repeated request stores nothing new")
    func stored() throws {
        let attachments = try ChatAttachments([
            Self.item(Self.png, prefix: "data:image/gif;base64,"), Self.item(Self.png),
        ])
        let state = try Self.state()
        let first = try attachments.store(key: "k", stateDirectory: state)
        defer { Self.removeState(state, first.files.map(\.name)) }
        #expect(first.files.map(\.mime) == ["image/png", "image/png"] && first.written.count == 2)
        #expect(first.files.allSatisfy { $0.name.hasPrefix("wc-") && $0.name.hasSuffix(".png") && $0.size == 11 })
        #expect(Set(first.files.map(\.name)).count == 2 && first.files[0].shownName == "a b.gif")
        let again = try attachments.store(key: "k", stateDirectory: state)
        #expect(again.files == first.files && again.written.isEmpty)
        ChatAttachments.remove(first.written)
        #expect(first.written.allSatisfy { access($0, F_OK) != 0 })
    }

    @Test("what is no picture, too much, too many or not base64 is refused")
    func refused() throws {
        #expect(throws: RPCError.self) { try ChatAttachments([Self.item(Array("%PDF-1.7 xxxxxxx".utf8))]) }
        #expect(throws: RPCError.self) { try ChatAttachments([["content": "%%%"]]) }
        #expect(throws: RPCError.self) { try ChatAttachments([["fileName": "x"]]) }
        #expect(throws: RPCError.self) { try ChatAttachments(["x"]) }
        #expect(throws: RPCError.self) { try ChatAttachments(Array(repeating: Self.item(Self.png), count: 11)) }
        let half = Self.png + [UInt8](repeating: 0, count: 2_500_000)
        #expect(throws: RPCError.self) { try ChatAttachments([Self.item(half), Self.item(half)]) }
        #expect(throws: Never.self) { try ChatAttachments([Self.item(half)]) }
    }

    @Test("a folder that cannot be written to is said")
    func unwritable() throws {
        let attachments = try ChatAttachments([Self.item(Self.png)])
        let error = #expect(throws: RPCError.self) {
            try attachments.store(key: "k", stateDirectory: "/proc/nowhere")
        }
        #expect(error?.message.contains("/proc/nowhere") == true)
    }
}
