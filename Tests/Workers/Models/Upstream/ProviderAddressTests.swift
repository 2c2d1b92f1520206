import Testing

@testable import ModelUpstream

@Suite("A provider's address")
struct ProviderAddressTests {
    @Test(
        "host, port and what stands in front of the path",
        arguments: [
            ("https://api.openai.com/v1", true, "api.openai.com", 443, "api.openai.com", "/v1"),
            ("http://127.0.0.1:8080", false, "127.0.0.1", 8080, "127.0.0.1:8080", ""),
            ("HTTP://Host.Example:81/a/b", false, "host.example", 81, "host.example:81", "/a/b"),
            ("https://[2001:db8::1]:8443/v1", true, "2001:db8::1", 8443, "[2001:db8::1]:8443", "/v1"),
            ("http://[::1]", false, "::1", 80, "[::1]", ""), ("http://h?x=1", false, "h", 80, "h", "/?x=1"),
        ]
    )
    func parsed(_ url: String, _ isTLS: Bool, _ host: String, _ port: Int, _ authority: String, _ path: String) throws {
        let address = try #require(ProviderAddress(url))
        #expect(address.isTLS == isTLS && address.host == host && address.port == port)
        #expect(address.authority == authority && address.path == path)
    }

    @Test(
        "what could not be dialled, or would break a request's head, is none",
        arguments: [
            "", "api.openai.com", "ftp://h", "http://", "http://:80", "http://h:", "http://h:0", "http://h:65536",
            "http://h:8x", "http://u:p@h", "http://[::1", "http://[::1]x", "http://h/\r\nx: y", "http://h/ü",
            "http://h /",
        ]
    )
    func refused(_ url: String) { #expect(ProviderAddress(url) == nil) }
}
