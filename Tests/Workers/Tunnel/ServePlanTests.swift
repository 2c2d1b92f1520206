import Testing

@testable import Tunnel

@Suite("What Tailscale serves (the shape of its output alone: no library judges it)")
struct ServePlanTests {
    private let site = "box.tail1.ts.net:443"

    private func config(_ text: String) throws -> ServeConfig { try #require(ServeConfig(text)) }

    private func served(_ mounts: [String: String], funnel: Bool) -> ServeConfig {
        ServeConfig(handlers: mounts.isEmpty ? [:] : [site: mounts], funnels: funnel ? [site] : [])
    }

    private func plan(_ config: ServeConfig, _ paths: [String], isPublic: Bool = true) -> ServePlan {
        ServePlan(config, site: site, port: 18788, paths: paths, isPublic: isPublic)
    }

    @Test("is read with noise before it, and nothing at all is null")
    func reading() throws {
        let text = """
            Warning: client version "1.90.1" != tailscaled server version "1.88.3"
            {
              "TCP": {"443": {"HTTPS": true}},
              "Web": {"box.tail1.ts.net:443": {"Handlers": {
                "/voice/webhook": {"Proxy": "http://127.0.0.1:18788/voice/webhook"}, "/": {"Path": "/srv"}, "/t": {"Text": "x"}
              }}},
              "AllowFunnel": {"box.tail1.ts.net:443": true}
            }
            """
        let config = try config(text)
        #expect(config.funnels == [site])
        #expect(
            config.handlers[site]
                == ["/voice/webhook": "http://127.0.0.1:18788/voice/webhook", "/": "files", "/t": "a text"]
        )
        #expect(try self.config("null\n") == ServeConfig())
        #expect(try self.config("{}") == ServeConfig())
        for count in 0..<text.utf8.count { _ = ServeConfig(String(text.prefix(count))) }
        #expect(ServeConfig("") == nil && ServeConfig("No serve config") == nil)
    }

    @Test("is completed: what is missing is mounted with the path in its target, what is right is left")
    func mounting() {
        let path = "/voice/webhook"
        #expect(plan(served([:], funnel: false), [path]).steps == [.mount(path)])
        let right = served([path: "http://127.0.0.1:18788/voice/webhook"], funnel: true)
        #expect(plan(right, [path]).steps == [])
        let wrongTarget = served([path: "http://127.0.0.1:18788"], funnel: true)
        #expect(plan(wrongTarget, [path]).steps == [.mount(path)])
        let notPublic = served([path: "http://127.0.0.1:18788/voice/webhook"], funnel: false)
        #expect(plan(notPublic, [path]).steps == [.mount(path)], "funnel is switched on by mounting again")
        #expect(ServePlan.target("/", 18788) == "http://127.0.0.1:18788")
    }

    @Test("keeps what the operator mounted, and loses what an earlier configuration of ours left")
    func residue() {
        let config = served(
            [
                "/old": "http://127.0.0.1:18788/old", "/theirs": "http://127.0.0.1:3000",
                "/x": "http://127.0.0.1:187889/x",
            ],
            funnel: true
        )
        let plan = plan(config, ["/new"])
        #expect(plan.conflict == nil && plan.steps == [.unmount("/old", site: site), .mount("/new")])
        #expect(ServePlan(removing: config, site: site, port: 18788).steps == [.unmount("/old", site: site)])
    }

    @Test("is ours only as we mount it: what the operator led to our port stays, what we left on another port goes")
    func owned() {
        let elsewhere = "box.tail1.ts.net:8443"
        let stranger = "other.tail1.ts.net:443"
        let config = ServeConfig(
            handlers: [
                site: ["/mine": "http://127.0.0.1:18788/hooks", "/": "http://127.0.0.1:18788"],
                elsewhere: ["/old": "http://127.0.0.1:18788/old", "/kept": "http://127.0.0.1:18788"],
                stranger: ["/old": "http://127.0.0.1:18788/old"],
            ],
            funnels: [site]
        )
        let own = [ServePlan.Step.unmount("/", site: site), .unmount("/old", site: elsewhere)]
        #expect(plan(config, ["/new"]).steps == own + [.mount("/new")])
        #expect(ServePlan(removing: config, site: site, port: 18788).steps == own)
        #expect(plan(config, ["/mine"]).steps == own + [.mount("/mine")], "a path of ours is put right")
    }

    @Test("is never changed where that would publish, cut off or replace what is not ours")
    func conflicts() {
        let theirs = ["/theirs": "http://127.0.0.1:3000"]
        let publish = plan(served(theirs, funnel: false), ["/a"])
        #expect(publish.steps.isEmpty && publish.conflict?.contains("put that on the internet") == true)
        let cutOff = plan(served(theirs, funnel: true), ["/a"], isPublic: false)
        #expect(cutOff.steps.isEmpty && cutOff.conflict?.contains("httpsPort") == true)
        let replace = plan(served(theirs, funnel: true), ["/theirs"])
        #expect(replace.steps.isEmpty && replace.conflict?.contains("/theirs") == true)
        #expect(plan(served(theirs, funnel: true), ["/a"]).conflict == nil)
        #expect(plan(served(theirs, funnel: false), ["/a"], isPublic: false).conflict == nil)
    }

    @Test("by whom we are called")
    func status() throws {
        let text = #"{"BackendState":"Running","Self":{"DNSName":"Box.Tail1.ts.net.","ID":"n"},"AuthURL":""}"#
        let status = try #require(TailscaleStatus("# Health check:\n#     - x {\n" + text))
        #expect(status.backend == "Running" && status.name == "box.tail1.ts.net")
        #expect(try #require(TailscaleStatus(#"{"BackendState":"NeedsLogin","Self":null}"#)).name == "")
        #expect(TailscaleStatus("failed to connect to local tailscaled") == nil)
    }

    @Test("what a person has to allow is told with the place to click")
    func consent() {
        let output =
            "\nFunnel is not enabled on your tailnet.\nTo enable, visit:\n\n         https://login.tailscale.com/f/funnel?node=n1CNTRL\n"
        let end = TailscaleProvider.failure(.init(output: output, exit: nil), verb: "funnel")
        #expect(end.kind == .slow && end.text.hasSuffix("open https://login.tailscale.com/f/funnel?node=n1CNTRL"))
        let denied = TailscaleProvider.failure(
            .init(
                output: "sending serve config: Access denied: serve config denied\n\nUse 'sudo tailscale funnel …'",
                exit: ChildExit(code: 1, signal: 0)
            ),
            verb: "funnel"
        )
        #expect(denied.text.contains("tailscale set --operator="))
        #expect(TailscaleProvider.words("") == "nothing")
    }
}
