internal import Runtime

/// One line of ngrok's log, in either of its formats (`--log-format json` or `logfmt`). Pure.
struct NgrokLine: Equatable {
    /// "dbug", "info", "warn", "eror", "crit"; "" when the line says none.
    var level: String
    var message: String
    var fields: [String: String]

    /// Nil for a line that is neither.
    init?(_ text: String) {
        let trimmed = text.drop { $0 == " " }
        guard let fields = trimmed.first == "{" ? Self.json(trimmed) : Self.logfmt(trimmed) else { return nil }
        guard let message = fields["msg"] ?? fields["err"] else { return nil }
        level = fields["lvl"] ?? ""
        self.message = message
        self.fields = fields
    }

    /// What it says went wrong; nil when nothing did.
    var failure: String? {
        guard let text = fields["err"], !text.isEmpty, text != "nil", text != "<nil>" else { return nil }
        return text
    }

    private static func json(_ text: Substring) -> [String: String]? {
        // A line that is none is passed over.
        guard let object = try? JSON(parsing: text.utf8).object else { return nil }
        var fields: [String: String] = [:]
        for member in object.members {
            switch member.value {
            case .string(let value): fields[member.key] = value
            case .integer(let value): fields[member.key] = String(value)
            case .number(let value): fields[member.key] = value
            case .null, .bool, .array, .object: break
            }
        }
        return fields
    }

    /// `t=… lvl=info msg="started tunnel" url=https://…`: values bare, or in quotes with backslashes.
    private static func logfmt(_ text: Substring) -> [String: String]? {
        var fields: [String: String] = [:]
        var rest = text.unicodeScalars[...]
        while let equals = rest.firstIndex(of: "=") {
            let key = rest[..<equals].drop { $0 == " " }
            guard !key.isEmpty, key.allSatisfy({ $0.isASCII && $0 != " " && $0 != "\"" }), fields.count < 64 else {
                return nil
            }
            rest = rest[equals...].dropFirst()
            var value = String.UnicodeScalarView()
            if rest.first == "\"" {
                rest = rest.dropFirst()
                var isClosed = false
                while let scalar = rest.first, !isClosed {
                    rest = rest.dropFirst()
                    switch scalar {
                    case "\"": isClosed = true
                    case "\\":
                        guard let next = rest.first else { return nil }
                        rest = rest.dropFirst()
                        value.append(["n": "\n", "r": "\r", "t": "\t"][next] ?? next)
                    default: value.append(scalar)
                    }
                }
                guard isClosed else { return nil }
            } else {
                let end = rest.firstIndex(of: " ") ?? rest.endIndex
                value.append(contentsOf: rest[..<end])
                rest = rest[end...]
            }
            fields[String(String.UnicodeScalarView(key))] = String(value)
        }
        return fields.isEmpty ? nil : fields
    }
}
