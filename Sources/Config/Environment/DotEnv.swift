/// `.env` files as the `dotenv` package of Node reads them: `NAME=value`, `export NAME=value`, quotes, comments.
package enum DotEnv {
    /// Bytes that are read of such a file.
    package static let limit = 256 * 1024

    /// Lines that are none of these are passed over, as there.
    package static func parse(_ bytes: [UInt8]) -> [String: String] {
        var values: [String: String] = [:]
        var rest = Substring(String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n"))
        while !rest.isEmpty {
            let line = rest.prefix { $0 != "\n" }
            guard let (name, start) = name(of: line) else {
                rest = rest[line.endIndex...].dropFirst()
                continue
            }
            let value: String
            (value, rest) = self.value(at: rest[start...])
            values[name] = value
        }
        return values
    }

    private static func name(of line: Substring) -> (String, Substring.Index)? {
        guard let equals = line.firstIndex(of: "=") else { return nil }
        var name = Environment.trimmed(String(line[..<equals]))
        if name.hasPrefix("export ") { name = Environment.trimmed(String(name.dropFirst(7))) }
        guard !name.isEmpty,
            name.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                    true
                default: false
                }
            })
        else { return nil }
        return (name, line.index(after: equals))
    }

    /// A value and what comes behind its line; a quoted one may go over several lines.
    private static func value(at text: Substring) -> (String, Substring) {
        let start = text.drop { $0 == " " || $0 == "\t" }
        if let quote = start.first, "\"'`".contains(quote),
            let end = closing(quote, in: start.dropFirst())
        {
            let inner = String(start[start.index(after: start.startIndex)..<end])
            let rest = start[end...].drop { $0 != "\n" }.dropFirst()
            guard quote == "\"" else { return (inner, rest) }
            return (inner.replacing("\\n", with: "\n").replacing("\\r", with: "\r"), rest)
        }
        let line = text.prefix { $0 != "\n" }
        let value = line.firstIndex(of: "#").map { line[..<$0] } ?? line
        return (Environment.trimmed(String(value)), text[line.endIndex...].dropFirst())
    }

    private static func closing(_ quote: Character, in text: Substring) -> Substring.Index? {
        var escaped = false
        for index in text.indices {
            if escaped {
                escaped = false
            } else if text[index] == "\\" {
                escaped = true
            } else if text[index] == quote {
                return index
            }
        }
        return nil
    }
}
