import Config
import Testing

@Suite("Telephone numbers and addresses of listeners")
struct PhoneNumberTests {
    @Test(
        "E.164 and nothing else",
        arguments: [
            ("+15550001234", true), ("+12", true), ("+123456789012345", true), ("+1", false),
            ("+1234567890123456", false),
            ("15550001234", false), ("+05550001234", false), ("+1 555", false), ("", false), ("+", false),
            ("+１２３", false),
        ]
    )
    func e164(text: String, isNumber: Bool) { #expect(PhoneNumber.isE164(text) == isNumber) }

    @Test("a number is named by its digits, anything else by itself")
    func names() {
        #expect(PhoneNumber.name("+15550001234") == "15550001234")
        #expect(PhoneNumber.name("anonymous-7") == "anonymous-7")
    }

    @Test("addresses in numbers, those of this machine alone, and those that a tunnel finds")
    func addresses() {
        #expect(BindAddress.isNumeric("10.0.0.1") && BindAddress.isNumeric("::") && !BindAddress.isNumeric("localhost"))
        #expect(!BindAddress.isNumeric("127.0.0.1 ") && !BindAddress.isNumeric("127.1"))
        #expect(
            BindAddress.isLoopback("127.0.0.9") && BindAddress.isLoopback("::1") && !BindAddress.isLoopback("0.0.0.0")
        )
        #expect(!BindAddress.isLoopback("127.example.com"))
        #expect(BindAddress.answersLocally("::") && !BindAddress.answersLocally("127.0.0.9"))
    }
}
