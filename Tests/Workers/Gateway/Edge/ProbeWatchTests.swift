import Testing

@testable import Gateway

@Suite("The platform's health check")
struct ProbeWatchTests {
    private func question(_ path: String, from address: String) -> HTTPQuestion {
        HTTPQuestion(method: "GET", target: path, peer: ClientPeer(socket: .address(address)))
    }

    @Test("without one the port to set is named; what is asked from this machine is none")
    func missing() {
        var watch = ProbeWatch()
        let unix = HTTPQuestion(method: "GET", target: "/healthz", peer: ClientPeer(socket: .user(uid: 0)))
        let others = [
            question("/healthz", from: "127.0.0.1"), question("/healthz", from: "::ffff:127.0.0.1"),
            question("/", from: "172.19.0.1"), unix,
        ]
        for other in others {
            let isFirst = watch.saw(other)
            #expect(!isFirst, "\(other)")
        }
        #expect(watch.complaint(port: 3000)?.contains("internal_port = 3000") == true)
        let takenBack = (1...2).map { _ in watch.saw(question("/healthz", from: "172.19.0.1")) }
        #expect(takenBack == [true, false], "the complaint is taken back, once")
    }

    @Test("with one nothing is said", arguments: ["172.19.0.1", "fdaa:0:1::3"])
    func came(address: String) {
        var watch = ProbeWatch()
        let takesBack = watch.saw(question("/healthz?x=1", from: address))
        #expect(!takesBack)
        #expect(watch.complaint(port: 3000) == nil)
    }
}
