import Config
import IPCHub
import Testing

@testable import Gateway
@testable import Journal

@Suite("What the outside calls us")
struct PublicURLBookTests {
    private static let tunnel = "tunnel:ngrok"
    private static let voice = "channel:voice:default"

    private func book() -> PublicURLBook {
        var config = TunnelConfig(.ngrok)
        config.routes = [
            TunnelRoute(worker: Self.voice, path: "/voice/webhook", port: 3334),
            TunnelRoute(worker: "channel:telegram:default", path: "/telegram-webhook", port: 8787),
            TunnelRoute(path: "/hooks/x", port: 8080),
        ]
        return PublicURLBook([TunnelEntry(config)])
    }

    private func status(_ state: HubTunnelStatus.State, _ url: String, error: String = "") -> HubTunnelStatus {
        var status = HubTunnelStatus()
        (status.state, status.url, status.error) = (state, url, error)
        return status
    }

    @Test("is told to whom it concerns, each his own path, also when there is nothing yet")
    func frames() {
        var book = book()
        let nothing = book.frames(for: Self.voice, now: 0)
        #expect(nothing.count == 1 && nothing[0].url.isEmpty && !nothing[0].up && !nothing[0].error.isEmpty)
        let isNews = book.told(Self.tunnel, status(.up, "https://a.app"), now: 0)
        #expect(isNews)
        let frame = book.frames(for: Self.voice, now: 0)[0]
        #expect(frame.url == "https://a.app/voice/webhook" && frame.path == "/voice/webhook" && frame.up)
        #expect(frame.error.isEmpty && frame.tunnel == Self.tunnel && frame.former.isEmpty)
        #expect(book.listeners(of: Self.tunnel) == ["channel:telegram:default", Self.voice])
        #expect(book.frames(for: "agent:main", now: 0).isEmpty)
        let isAgain = book.told(Self.tunnel, status(.up, "https://a.app"), now: 5)
        let isForeign = book.told("tunnel:other", status(.up, "https://b.app"), now: 5)
        #expect(!isAgain && !isForeign, "nothing changed")
    }

    @Test("stays known while the tunnel is away, with the reason")
    func away() {
        var book = book()
        _ = book.told(Self.tunnel, status(.up, "https://a.app"), now: 0)
        let isUnlinked = book.unlinked(Self.tunnel)
        let isExplained = book.absent(Self.tunnel, "parked, the authtoken is refused")
        #expect(isUnlinked && isExplained)
        let frame = book.frames(for: Self.voice, now: 0)[0]
        #expect(frame.url == "https://a.app/voice/webhook" && !frame.up)
        #expect(frame.error == "tunnel:ngrok does not run: parked, the authtoken is refused")
        let isBack = book.told(Self.tunnel, status(.degraded, "https://a.app", error: "no answer"), now: 1)
        #expect(isBack)
        #expect(book.frames(for: Self.voice, now: 1)[0].error == "no answer")
    }

    @Test("still counts for ten minutes after it changed, five of them at most")
    func former() {
        var book = book()
        for n in 0..<8 { _ = book.told(Self.tunnel, status(.up, "https://a\(n).app"), now: Int64(n)) }
        var frame = book.frames(for: Self.voice, now: 10)[0]
        #expect(frame.url == "https://a7.app/voice/webhook")
        #expect(frame.former.map(\.url) == (2...6).reversed().map { "https://a\($0).app/voice/webhook" })
        _ = book.told(Self.tunnel, status(.up, "https://a6.app"), now: 20)
        frame = book.frames(for: Self.voice, now: 20)[0]
        #expect(
            frame.former.first?.url == "https://a7.app/voice/webhook"
                && !frame.former.contains { $0.url.contains("a6") }
        )
        #expect(book.frames(for: Self.voice, now: 20 + PublicURLBook.formerFor)[0].former.isEmpty)
    }

    @Test("from a hostile tunnel is bounded")
    func bounded() {
        var book = book()
        let long = "https://" + String(repeating: "x", count: 10_000)
        _ = book.told(Self.tunnel, status(.down, long, error: String(repeating: "e\u{1b}", count: 10_000)), now: 0)
        let frame = book.frames(for: Self.voice, now: 0)[0]
        #expect(frame.url.utf8.count < 1000 && frame.error.utf8.count < 5000 && !frame.error.contains("\u{1b}"))
    }
}
