import Config
import IPCHub
import Testing

@testable import Gateway

@Suite("Public URLs over the hub")
struct TunnelFrameTests {
    private static let tunnel = "tunnel:ngrok"

    private func bench() throws -> Bench {
        var tunnel = TunnelConfig(.ngrok)
        tunnel.routes = [TunnelRoute(worker: Bench.channel, path: "/telegram-webhook", port: 8787)]
        var config = Bench.config()
        config.tunnels = [TunnelEntry(tunnel)]
        return try Bench(config: config)
    }

    private func status(_ state: HubTunnelStatus.State, _ url: String = "") -> HubMessage {
        var status = HubTunnelStatus()
        (status.state, status.url) = (state, url)
        return .tunnelStatus(status)
    }

    private func urls(_ bench: Bench, _ link: Int) -> [HubPublicURL] {
        bench.take(link).compactMap { if case .publicURL(let url) = $0 { url } else { nil } }
    }

    @Test("go to the worker of a route, after its WELCOME and at every change, and to nobody else")
    func told() throws {
        let bench = try bench()
        let agent = bench.link(Bench.agent)
        let channel = bench.link(Bench.channel)
        #expect(urls(bench, channel).map(\.url) == [""], "there is none yet, and it is told so")
        let tunnel = bench.link(Self.tunnel)
        bench.receive(Self.tunnel, tunnel, status(.starting))
        bench.receive(Self.tunnel, tunnel, status(.up, "https://a.app"))
        #expect(urls(bench, channel).last?.url == "https://a.app/telegram-webhook")
        bench.receive(Self.tunnel, tunnel, status(.up, "https://a.app"))
        #expect(urls(bench, channel).isEmpty, "nothing changed")
        bench.unlink(Bench.channel, channel)
        let next = bench.link(Bench.channel, incarnation: 2)
        #expect(urls(bench, next).first?.up == true)
        #expect(urls(bench, agent).isEmpty)
    }

    @Test("survive the tunnel's worker, and say why nobody answers there")
    func away() throws {
        let bench = try bench()
        let channel = bench.link(Bench.channel)
        let tunnel = bench.link(Self.tunnel)
        bench.receive(Self.tunnel, tunnel, status(.up, "https://a.app"))
        _ = urls(bench, channel)
        bench.die(Self.tunnel, tunnel)
        let away = try #require(urls(bench, channel).last)
        #expect(away.url == "https://a.app/telegram-webhook" && !away.up && away.error.contains("does not run"))
        let again = bench.link(Self.tunnel, incarnation: 2)
        bench.receive(Self.tunnel, again, status(.up, "https://b.app"))
        let changed = try #require(urls(bench, channel).last)
        #expect(changed.url == "https://b.app/telegram-webhook" && changed.up)
        #expect(changed.former.map(\.url) == ["https://a.app/telegram-webhook"])
    }

    @Test("are a tunnel's alone to tell: another worker's word is ignored")
    func foreign() throws {
        let bench = try bench()
        let channel = bench.link(Bench.channel)
        _ = urls(bench, channel)
        bench.receive(Bench.channel, channel, status(.up, "https://evil.example"))
        #expect(urls(bench, channel).isEmpty)
        #expect(bench.logs.contains { $0.text.contains("not its to send") })
    }
}
