import Runtime
import Testing

@testable import CLI

@Suite("What tunnel status prints")
struct TunnelPageTests {
    private static let now: Int64 = 1_795_442_400_000

    private func answer(_ tunnel: String) throws -> JSON {
        try JSON(parsing: Array(#"{"ts":1,"tunnels":[\#(tunnel)]}"#.utf8))
    }

    @Test("the address, what it lets through and who was last there, within eighty columns")
    func up() throws {
        let answer = try answer(
            """
            {"worker":"tunnel:ngrok","provider":"ngrok","public":true,"state":"up","url":"https://a.ngrok.app",
             "since":\(Self.now - 180_000),"restarts":1,
             "routes":[{"path":"/voice/webhook","worker":"channel:voice:default","url":"https://a.ngrok.app/voice/webhook"}],
             "detail":{"refused":7,"next":0,"routes":[{"path":"/voice/webhook","port":3334,"requests":12,
                       "lastAt":\(Self.now - 5000),"lastStatus":200}]}}
            """
        )
        let text = TunnelPage.status(answer, now: Self.now, style: .plain, width: 80)
        #expect(text.hasPrefix("tunnel:ngrok  up for 3m  https://a.ngrok.app\n"))
        #expect(text.contains("started 1 more time, 7 requests for what is not listed"))
        #expect(text.contains("/voice/webhook") && text.contains("127.0.0.1:3334") && text.contains("5s ago (200)"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
        #expect(TunnelPage.isUp(answer))
    }

    @Test("what is wrong and what to do, also when its worker does not run")
    func absent() throws {
        let answer = try answer(
            """
            {"worker":"tunnel:ngrok","state":"absent","public":false,"error":"tunnel:ngrok does not run: parked, ngrok is not
             installed. In Clawhold's image: docker build --build-arg NGROK=1 …","routes":[]}
            """.replacing("\n", with: "")
        )
        let text = TunnelPage.status(answer, now: Self.now, style: .plain, width: 60)
        #expect(text.hasPrefix("tunnel:ngrok  absent\n") && text.contains("NGROK=1"))
        #expect(text.contains("seen from your tailnet alone"))
        #expect(!TunnelPage.isUp(answer))
    }

    @Test("without a tunnel it says how to have one, and nothing is wrong")
    func none() throws {
        let answer = try JSON(parsing: Array(#"{"tunnels":[]}"#.utf8))
        #expect(TunnelPage.status(answer, now: Self.now, style: .plain, width: 80).contains("tunnel: { provider:"))
        #expect(TunnelPage.isUp(answer))
    }
}
