import IPCControl
import Testing

@Suite("Worker ids")
struct WorkerIDTests {
    @Test("name a kind and its parts")
    func wellFormed() {
        let channel = WorkerID("channel:telegram:default")
        #expect(channel?.kind == .channel)
        #expect(channel?.parts == ["telegram", "default"])
        #expect(WorkerID("gateway")?.parts == [])
    }

    @Test(
        "that could do harm in a path, a title or a log are refused",
        arguments: [
            "", "gateway:x", "channel", "channel:", "channel::x", "nobody:x", "agent:../x", "agent:a/b", "agent:A",
            "agent:a b", "agent:a\n", "agent:" + String(repeating: "x", count: 91),
        ]
    )
    func malformed(text: String) {
        #expect(WorkerID(text) == nil)
    }
}
