import TestSupport
import Testing

@testable import Config

@Suite("mention patterns")
struct MentionPatternTests {
    private func isFound(_ pattern: String, _ text: String) throws -> Bool {
        try MentionPattern(pattern).isFound(in: PatternText(text))
    }

    @Test(
        "what JavaScript finds is found, in any case of the letters",
        arguments: [
            ("@?claw\\b", "hey CLAW!"), ("^hi", "Hi there"), ("there$", "hi there"), ("a.c", "xabcx"),
            ("colou?r", "COLOR"), ("(?:lob|craw)ster", "a lobster"), ("(?<name>claw)d", "clawd"), ("[a-c]+d", "xxabcd"),
            ("[^x]z", "az"), ("\\d{3}", "ab123"), ("a{2,}", "baab"), ("a{2,3}b", "aaab"), ("x{,2}", "x{,2}"),
            ("\\u0041", "a"), ("\\u{1F99E}", "🦞"), ("\\x41", "a"), ("Ä", "ä"), ("\\+49", "call +49"), ("", "anything"),
            ("(a|b|)c", "c"), ("(a*)*b", "b"), ("\u{8}claw\u{8}", "a claw b"), ("(?<!\\w)@?claw(?!\\w)", "hey @claw."),
            ("(?:^|\\s)claw(?=\\s|$)", "claw"), ("[\\]]", "]"), ("[a-]", "-"), ("[\\w-]+!", "a-b!"), ("[\\D]", "x"),
            ("a+?", "a"),
            ("\\s", "\u{3000}"), ("\\Bb", "ab"), ("clawd", "cla\u{200B}wd"), ("[^]", "x"),
        ]
    )
    func found(pattern: String, text: String) throws {
        #expect(try isFound(pattern, text))
    }

    @Test(
        "what JavaScript does not find is not found",
        arguments: [
            ("\\bclaw\\b", "clawd"), ("^there", "hi there"), ("hi$", "hi there"), ("a.c", "a\nc"), ("[a-c]", "d"),
            ("a{3}", "aa"),
            ("(?<!\\w)claw", "xclaw"), ("claw(?!\\w)", "claws"), ("claw(?=\\s|$)", "claw!"), ("[]", "x"), ("\\w", "ä"),
            ("x", ""),
        ]
    )
    func notFound(pattern: String, text: String) throws {
        #expect(try !isFound(pattern, text))
    }

    @Test(
        "a wrong pattern and one that is not understood are errors in words",
        arguments: [
            ("(", "without its )"), (")", "without its ("), ("[a", "without its ]"), ("*a", "nothing to repeat"),
            ("a**", "nothing to repeat"), ("a\\", "ends with a backslash"), ("[z-a]", "wrong way round"),
            ("a{3,2}", "wrong way round"), ("(a)\\1", "refers back"), ("(?=ab)c", "more than one character"),
            ("(?i)a", "case never counts"), ("\\p{L}", "not understood"), ("a{5000}", "more than 1000"),
            ("(a{100}){100}", "too large"), (String(repeating: "(", count: 60), "too deeply"),
            (String(repeating: "a", count: 501), "longer than 500"), ("^*", "no length"),
        ]
    )
    func wrong(pattern: String, words: String) {
        #expect(throws: PatternError.self) { try MentionPattern(pattern) }
        do throws(PatternError) {
            _ = try MentionPattern(pattern)
        } catch {
            #expect(error.description.contains(words))
        }
    }

    @Test("patterns that take a backtracking engine for ever are done at once")
    func catastrophic() throws {
        let clock = ContinuousClock()
        let text = PatternText(String(repeating: "a", count: 20_000) + "!")
        let time = try clock.measure {
            for pattern in ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*a){12}b", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
                _ = try MentionPattern(pattern).isFound(in: text)
            }
        }
        // A backtracking engine tries every way to divide the letters; that is more than anybody can wait for.
        #expect(time < .seconds(30))
        #expect(text.scalars.count == PatternText.longest)
    }

    @Test("no pattern and no text traps")
    func fuzz() {
        var random = SplitMix(seed: 4)
        let parts = [
            "(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "\\", "^", "$", "-", "a", "b", "1", ",", "<", "=", "!",
            ":", "u", "x", "é", "🦞",
        ]
        var sound = 0
        for _ in 0..<3000 {
            let pattern = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                parts.randomElement(using: &random) ?? ""
            }.joined()
            let text = (0..<Int.random(in: 0...8, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }.joined()
            guard let compiled = try? MentionPattern(pattern) else { continue }
            sound += 1
            _ = compiled.isFound(in: PatternText(text))
        }
        #expect(sound > 300)
    }
}
