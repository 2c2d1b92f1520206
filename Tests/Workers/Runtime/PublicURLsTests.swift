import IPCHub
import Testing

@testable import Runtime

@Suite("Public URLs of a worker", .timeLimit(.minutes(1)))
struct PublicURLsTests {
    private func frame(_ url: String, path: String = "/hook", up: Bool = true) -> HubPublicURL {
        var frame = HubPublicURL()
        (frame.path, frame.url, frame.up) = (path, url, up)
        return frame
    }

    @Test("are known at once to who asks later, and told to who waits, newest first")
    func updates() async {
        let urls = PublicURLs()
        #expect(urls.current("/hook") == nil)
        urls.receive(frame("https://a.app/hook"))
        var updates = urls.updates("/hook").makeAsyncIterator()
        #expect(await updates.next()?.url == "https://a.app/hook")
        urls.receive(frame("https://x.app/other", path: "/other"))
        urls.receive(frame("https://b.app/hook"))
        urls.receive(frame("https://c.app/hook"))
        #expect(await updates.next()?.url == "https://c.app/hook")
        #expect(urls.current("/hook")?.isUp == true)
    }

    @Test("are waited for, and not for ever")
    func change() async {
        let urls = PublicURLs()
        #expect(await urls.change(of: "/hook", from: "", within: .milliseconds(1)) == "")
        async let changed = urls.change(of: "/hook", from: "https://a.app/hook", within: .seconds(50))
        urls.receive(frame("https://a.app/hook", up: false))
        urls.receive(frame("https://b.app/hook"))
        #expect(await changed == "https://b.app/hook")
    }

    @Test("count while a request may be under way, the present one first")
    func accepted() {
        var url = PublicURL(path: "/hook", url: "https://b.app/hook", isUp: true)
        url.former = [.init(url: "https://a.app/hook", until: 100), .init(url: "https://b.app/hook", until: 100)]
        #expect(url.accepted(at: 99) == ["https://b.app/hook", "https://a.app/hook"])
        #expect(url.accepted(at: 100) == ["https://b.app/hook"])
        #expect(PublicURL(path: "/hook", url: "", isUp: false).accepted(at: 0) == [])
    }

    @Test("are bounded in number")
    func bound() {
        let urls = PublicURLs()
        for n in 0..<100 { urls.receive(frame("https://a.app/\(n)", path: "/\(n)")) }
        #expect((0..<100).filter { urls.current("/\($0)") != nil }.count == PublicURLs.limit)
    }
}
