internal import Runtime

/// Requests to Twilio's REST interface, 2010-04-01 (spec 3.7), pure.
struct TwilioRequests: Sendable {
    static let ownRoot = "https://api.twilio.com"

    let root: String
    let account: String

    private var base: String { "\(root)/2010-04-01/Accounts/\(FormFields.encoded(account))" }

    private func post(_ path: String, _ fields: [(String, String)]) -> ProviderRequest {
        ProviderRequest(
            method: .post,
            url: base + path,
            contentType: "application/x-www-form-urlencoded",
            body: FormFields.body(fields)
        )
    }

    /// - Parameters:
    ///   - webhook: what is called for the call's instructions; nil: `twiml` are all of them, and nothing is told.
    ///   - seconds: how long it rings; how long the call may be at the most, whatever becomes of this worker.
    func create(_ record: CallRecord, webhook: String?, twiml: String, ring: Int, longest: Int) -> ProviderRequest {
        var fields = [("To", record.to), ("From", record.from)]
        if let webhook {
            let url = "\(webhook)\(webhook.contains("?") ? "&" : "?")callId=\(FormFields.encoded(record.callId))"
            // Inline instructions would have Twilio leave the status out without a word.
            fields += [
                ("Url", url), ("Method", "POST"), ("FallbackUrl", url), ("FallbackMethod", "POST"),
                ("StatusCallback", "\(url)&type=status"), ("StatusCallbackMethod", "POST"),
            ]
            fields += ["initiated", "ringing", "answered", "completed"].map { ("StatusCallbackEvent", $0) }
        } else {
            fields.append(("Twiml", twiml))
        }
        fields += [("Timeout", String(min(max(ring, 5), 600))), ("TimeLimit", String(longest))]
        return post("/Calls.json", fields)
    }

    func update(_ sid: String, twiml: String) -> ProviderRequest {
        post("/Calls/\(FormFields.encoded(sid)).json", [("Twiml", twiml)])
    }

    func hangUp(_ sid: String) -> ProviderRequest {
        post("/Calls/\(FormFields.encoded(sid)).json", [("Status", "completed")])
    }

    func fetch(_ sid: String) -> ProviderRequest {
        ProviderRequest(method: .get, url: "\(base)/Calls/\(FormFields.encoded(sid)).json")
    }

    /// Calls between two numbers since the day of `since`, milliseconds since 1970: Twilio knows days only.
    func list(from: String, to: String, since: Int64) -> ProviderRequest {
        let query = [
            "To=\(FormFields.encoded(to))", "From=\(FormFields.encoded(from))",
            // The day before: clocks differ, and so do midnights.
            "StartTime%3E=\(Self.day(since - 86_400_000))", "PageSize=50",
        ]
        return ProviderRequest(method: .get, url: "\(base)/Calls.json?\(query.joined(separator: "&"))")
    }

    /// Whether the account's token is right.
    var probe: ProviderRequest { ProviderRequest(method: .get, url: "\(base)/Calls.json?PageSize=1") }

    /// `2026-01-31`, UTC.
    static func day(_ milliseconds: Int64) -> String {
        let shifted = max(0, milliseconds) / 86_400_000 + 719_468
        let era = shifted / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let part = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * part + 2) / 5 + 1
        let month = part < 10 ? part + 3 : part - 9
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : String(number) }
        return "\(year + era * 400 + (month <= 2 ? 1 : 0))-\(two(month))-\(two(day))"
    }

    /// Milliseconds since 1970 of Twilio's `Tue, 31 Aug 2010 20:36:28 +0000` (RFC 2822); nil when it is none.
    static func moment(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, let day = Int64(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = Int64(parts[3]),
            (1970...9999).contains(year),
            parts[5] == "+0000" || parts[5] == "GMT"
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        return (Self.days(year, Int64(month) + 1, day) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]) * 1000
    }

    /// Days since 1970 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let ofEra = shifted - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }
}
