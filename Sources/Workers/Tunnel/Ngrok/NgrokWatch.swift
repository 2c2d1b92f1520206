/// What an ngrok that runs makes known, line by line and answer by answer, as a pure machine.
struct NgrokWatch: ChildWatch {
    private let domain: String
    private let port: Int
    private var address: String?
    /// The worst that it said; what its exit is explained with.
    private(set) var verdict: ProviderEnd?
    /// This agent is older than `--url`.
    private(set) var isOld = false

    init(domain: String, port: Int) {
        self.domain = domain
        self.port = port
    }

    mutating func read(_ text: String) -> [ChildFound] {
        if text.contains("unknown flag: --url") {
            isOld = true
            return []
        }
        if let trouble = NgrokTrouble(line: text, domain: domain) {
            verdict = trouble.end
            // What only waits for somebody else, the agent itself would try again far too often.
            return trouble.end.kind == .retry ? [.news(.trouble(trouble.end.text))] : [.end(trouble.end)]
        }
        guard let line = NgrokLine(text) else {
            // "ERROR:  …" comes on standard error without a log's form.
            if text.hasPrefix("ERROR:"), verdict == nil {
                let words = text.dropFirst("ERROR:".count).drop { $0 == " " }.prefix(300)
                if !words.isEmpty { verdict = ProviderEnd(.retry, "ngrok says: \(words)") }
            }
            return []
        }
        switch line.message {
        case "starting web service":
            guard let api = line.fields["addr"].flatMap(NgrokAPI.local) else { return [] }
            return [.api(api)]
        case "started tunnel", "started endpoint":
            guard let url = line.fields["url"], url.hasPrefix("http") else { return [] }
            address = url
            return [.news(.address(url))]
        default:
            guard line.level == "eror" || line.level == "crit", let failure = line.failure else { return [] }
            let words = "ngrok says: \(line.message): \(failure.prefix(300))"
            verdict = ProviderEnd(.retry, words)
            return [.news(.trouble(words))]
        }
    }

    /// An answer of its API; nil: it did not answer.
    mutating func answered(_ answer: [UInt8]?) -> [ChildFound] {
        guard let answer, let found = NgrokAPI.address(in: answer, port: port) else { return [] }
        if found.isEmpty {
            guard address != nil else { return [] }
            address = nil
            return [.news(.addressLost)]
        }
        guard found != address else { return [] }
        address = found
        return [.news(.address(found))]
    }
}
