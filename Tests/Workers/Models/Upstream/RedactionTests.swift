import Testing

@testable import ModelUpstream

@Suite("Secrets in texts")
struct RedactionTests {
    @Test("what we sent is taken out wherever it stands, the longest first, and words stay")
    func own() {
        let redaction = Redaction(["my-secret-key", "my-secret-key-long", "abc", ""])
        #expect(redaction("bad my-secret-key-long, my-secret-key!") == "bad [redacted], [redacted]!")
        #expect(redaction("abc is too short to hide") == "abc is too short to hide")
    }

    @Test(
        "keys of known vendors are taken out even when they are not ours",
        arguments: [
            "sk-ant-api03-AbCdEf123456", "AIzaSyA1234567890abc", "gho_abcdefghijkl", "xai-abcdefghijkl",
            "gsk_abcdefghijklm", "Bearer abcdefgh12345", "hf_abcdefghijklm", "ya29.abcdefghijklm",
        ]
    )
    func foreign(key: String) {
        #expect(Redaction([])("invalid key (\(key)) given") == "invalid key ([redacted]) given")
    }

    @Test("a key that a bound has cut in two is taken out as well, and nothing but it")
    func cut() {
        let key = "0123456789abcdefghij"
        let redaction = Redaction(["https://app.example"], key: key)
        for length in 8...key.count {
            #expect(redaction("no \(key.prefix(length)) · request r1") == "no [redacted] · request r1")
        }
        #expect(redaction("0123456 and https://app.") == "0123456 and https://app.")
        #expect(redaction("\(key)\(key)012345678") == "[redacted][redacted][redacted]")
    }

    @Test("words that only begin like a key stay")
    func words() {
        for text in ["sk-1", "task-force-of-many-people", "Bearer of news", "risk-adjusted-returns-now"] {
            #expect(Redaction([])(text) == text)
        }
    }
}
