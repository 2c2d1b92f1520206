import Config
import Testing

@Suite("Slices")
struct SliceTests {
    @Test("a gateway's slice survives the way through JSON, and equal slices have equal bytes")
    func roundTrip() throws {
        var slice = GatewayConfig()
        slice.agents[0].model.primary = ModelRef(model: "anthropic/claude-opus-4-6", worker: "model:anthropic")
        slice.session.identityLinks = ["anna": ["telegram:1", "discord:2"], "zoe": ["telegram:3"]]
        var access = ChannelAccess(channel: "telegram", account: "default")
        access.groups = ["-100": GroupAccess(), "*": GroupAccess()]
        slice.channels = [access]
        let bytes = try encodeSlice(slice)
        #expect(try decodeSlice(GatewayConfig.self, from: bytes) == slice)
        #expect(try encodeSlice(decodeSlice(GatewayConfig.self, from: bytes)) == bytes)
    }
}
