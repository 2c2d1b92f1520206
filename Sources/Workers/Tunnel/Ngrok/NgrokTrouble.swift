/// ngrok's error codes that somebody has to act on, and what to do (ngrok.com/docs/errors). Pure.
struct NgrokTrouble: Equatable {
    var code: Int
    var end: ProviderEnd

    /// Of a line that names a code; nil for one that names none.
    init?(line: String, domain: String) {
        guard let code = Self.code(in: line) else { return nil }
        self.code = code
        end = Self.end(code, domain: domain, said: Self.words(line))
    }

    /// The number behind the first `ERR_NGROK_`.
    static func code(in line: String) -> Int? {
        guard let range = line.firstRange(of: "ERR_NGROK_") else { return nil }
        let digits = line[range.upperBound...].prefix { $0.isASCII && $0.isNumber }
        guard (1...6).contains(digits.count) else { return nil }
        return Int(digits)
    }

    private static func end(_ code: Int, domain: String, said: String) -> ProviderEnd {
        let name = "ERR_NGROK_\(code)"
        switch code {
        case 105, 107, 4018:
            return ProviderEnd(
                .fatal,
                "ngrok refuses the authtoken (\(name)): copy it from dashboard.ngrok.com/get-started/your-authtoken into "
                    + "NGROK_AUTHTOKEN"
            )
        case 108:
            return ProviderEnd(
                .fatal,
                "another ngrok agent is running under this account (\(name)): stop it (dashboard.ngrok.com/agents), or add an "
                    + "endpoint to it and set its address as publicUrl; then:  clawhold restart tunnel:ngrok"
            )
        case 120, 121:
            return ProviderEnd(
                .fatal,
                "this ngrok is too old (\(name)): update it (ngrok update), or build the image anew with NGROK=1"
            )
        case 334:
            return ProviderEnd(
                .slow,
                "\(domain.isEmpty ? "this address" : domain) is in use by another ngrok agent (\(name)): stop it "
                    + "(dashboard.ngrok.com/endpoints), or set another tunnel.domain"
            )
        default: return ProviderEnd(.retry, "ngrok says: \(said)")
        }
    }

    private static func words(_ line: String) -> String {
        let text = NgrokLine(line)?.failure ?? NgrokLine(line)?.message ?? line
        return String(text.map { $0.isNewline ? " " : $0 }.prefix(300))
    }
}
