import Config
import Glibc
import NIOPosix
import Testing

@testable import Tunnel

@Suite("tailscale as a program", .timeLimit(.minutes(2)))
struct TailscaleProviderTests {
    @Test("that never ends is given up before the supervisor gives up on its worker")
    func withdrawal() async throws {
        let path = "/tmp/clawhold-tailscale-\(getpid())-\(UInt32.random(in: .min ... .max))"
        let file = try #require(fopen(path, "w"))
        fputs("#!/bin/sh\nexec sleep 1000\n", file)
        fclose(file)
        defer { unlink(path) }
        chmod(path, 0o755)
        var config = TunnelConfig(.tailscale)
        config.program = path
        let provider = TailscaleProvider(
            config: config,
            token: "",
            loop: MultiThreadedEventLoopGroup.singleton.next(),
            withdrawWithin: .milliseconds(200)
        )
        let began = ContinuousClock.now
        await provider.withdraw(port: 18788)
        // One call of its own would wait for 15 s.
        #expect(began.duration(to: .now) < .seconds(10))
    }
}
