/// `${VAR}` in string values (keys are never touched).
///
/// Names match `[A-Z_][A-Z0-9_]*`; any other `${…}` stays as it is; `$${VAR}` is the text `${VAR}`. A variable that is unset or empty
/// makes the value `broken`, which costs the smallest part that owns it and nothing else.
package enum Substitution {
    package static func apply(_ value: ConfigValue, environment: Environment) -> ConfigValue {
        var result = value
        switch value.kind {
        case .string(let text):
            switch expand(text, environment) {
            case .success(let text): result.kind = .string(text)
            case .failure(let missing): result.kind = .broken("Missing env var \"\(missing.name)\"")
            }
        case .array(let elements):
            result.kind = .array(elements.map { apply($0, environment: environment) })
        case .object(let object):
            var expanded = ConfigObject()
            for var member in object.members {
                member.value = apply(member.value, environment: environment)
                expanded.set(member)
            }
            result.kind = .object(expanded)
        case .null, .bool, .number, .broken: break
        }
        return result
    }

    private struct Missing: Error {
        var name: String
    }

    private static func expand(_ text: String, _ environment: Environment) -> Result<String, Missing> {
        guard text.contains("${") else { return .success(text) }
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if let name = name(in: rest.dropFirst()), rest.hasPrefix("$$") {
                result += "${\(name)}"
                rest = rest.dropFirst(name.count + 4)
            } else if let name = name(in: rest) {
                guard let value = environment.values[name], !value.isEmpty else { return .failure(Missing(name: name)) }
                result += value
                rest = rest.dropFirst(name.count + 3)
            } else {
                result += "$"
                rest = rest.dropFirst()
            }
        }
        return .success(result + rest)
    }

    /// The variable's name when the text begins with `${NAME}`.
    private static func name(in text: Substring) -> String? {
        guard text.hasPrefix("${") else { return nil }
        let name = text.dropFirst(2).prefix { character in
            switch character {
            case "A"..."Z", "0"..."9", "_": character.isASCII
            default: false
            }
        }
        guard let first = name.first, !first.isNumber, text.dropFirst(2 + name.count).hasPrefix("}") else { return nil }
        return String(name)
    }
}
