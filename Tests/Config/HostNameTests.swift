import Testing

@testable import Config

@Suite("Where a host is")
struct HostNameTests {
    @Test(
        "this machine and its own network are local, the rest is not",
        arguments: [
            ("http://127.0.0.1:11434/v1", true), ("http://localhost:1", true), ("http://[::1]:8000/v1", true),
            ("http://ollama:11434/v1", true), ("http://192.168.1.4/v1", true), ("http://172.20.0.2", true),
            ("http://172.40.0.2", false), ("http://box.local:1234", true), ("https://api.openai.com/v1", false),
            ("https://8.8.8.8", false), ("", false), ("api.example.com", false), ("https://1.2.3.4.5", false),
        ]
    )
    func local(address: String, isLocal: Bool) {
        #expect(HostName.isLocal(address) == isLocal)
    }

    @Test("the host without port, path and brackets")
    func host() {
        #expect(HostName.of("https://API.Anthropic.com:443/x?y") == "api.anthropic.com")
        #expect(HostName.of("http://[fd00::1]:80/") == "fd00::1")
    }
}
