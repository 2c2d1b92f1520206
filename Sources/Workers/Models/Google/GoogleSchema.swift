internal import Runtime

/// JSON Schema cut down to what `functionDeclarations.parameters` takes (an OpenAPI 3.0 subset): every other word makes Google
/// refuse the whole call.
enum GoogleSchema {
    private static let words: Set<String> = [
        "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "required",
        "minProperties",
        "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering", "default",
        "minimum",
        "maximum",
    ]
    private static let formats: Set<String> = ["int32", "int64", "float", "double", "enum", "date-time"]
    /// Deeper schemas lose what is below; references that go in circles end here as well.
    private static let depthLimit = 24
    /// Schemas inside each other, all together: two references to oneself are two to the power of the depth.
    private static let nodeLimit = 2000

    static func reduced(_ schema: JSON) -> JSON {
        var left = nodeLimit
        return reduced(schema, definitions: schema["$defs"] ?? schema["definitions"], depth: 0, left: &left)
    }

    private static func reduced(_ schema: JSON, definitions: JSON?, depth: Int, left: inout Int) -> JSON {
        left -= 1
        guard var source = schema.object, depth < depthLimit, left >= 0 else { return ["type": "string"] }
        if let reference = source["$ref"]?.string, let name = reference.split(separator: "/").last,
            let target = definitions?[String(name)]?.object
        {
            source = target
        }
        var result = JSONObject()
        for member in source.members {
            switch member.key {
            case "properties":
                let properties = (member.value.object?.members ?? []).map { property in
                    JSONObject.Member(
                        key: property.key,
                        value: reduced(property.value, definitions: definitions, depth: depth + 1, left: &left)
                    )
                }
                result["properties"] = .object(JSONObject(members: properties))
            case "items":
                result["items"] = reduced(member.value, definitions: definitions, depth: depth + 1, left: &left)
            case "anyOf", "oneOf":
                let choices = member.value.array ?? []
                let real = choices.filter { $0["type"] != "null" }.prefix(20)
                if real.count < choices.count { result["nullable"] = true }
                let each = real.map { reduced($0, definitions: definitions, depth: depth + 1, left: &left) }
                merge(choices: each, into: &result)
            case "const": result["enum"] = member.value.string.map { [.string($0)] }
            case "type": setType(member.value, in: &result)
            case "format":
                if let format = member.value.string, formats.contains(format) { result["format"] = member.value }
            // Only texts can be listed.
            case "enum":
                let texts = (member.value.array ?? []).filter { $0.string != nil }
                if !texts.isEmpty { result["enum"] = .array(texts) }
            default: if words.contains(member.key) { result[member.key] = member.value }
            }
        }
        if result["type"] == nil, result["anyOf"] == nil {
            result["type"] = result["properties"] != nil ? "object" : result["items"] != nil ? "array" : "string"
        }
        if result["type"] == "array", result["items"] == nil { result["items"] = ["type": "string"] }
        if let required = result["required"]?.array {
            let known = Set((result["properties"]?.object?.members ?? []).map(\.key))
            let kept = required.filter { $0.string.map(known.contains) ?? false }
            result["required"] = kept.isEmpty ? nil : .array(kept)
        }
        return .object(result)
    }

    /// `["string", "null"]` is a text that may be absent.
    private static func setType(_ value: JSON, in result: inout JSONObject) {
        guard let types = value.array else {
            if value != "null" { result["type"] = value }
            return
        }
        if types.contains("null") { result["nullable"] = true }
        result["type"] = types.first { $0 != "null" } ?? "string"
    }

    /// A choice of one is none.
    private static func merge(choices: [JSON], into result: inout JSONObject) {
        if choices.count == 1, let only = choices[0].object {
            for member in only.members where result[member.key] == nil { result[member.key] = member.value }
        } else if !choices.isEmpty {
            result["anyOf"] = .array(choices)
        }
    }
}
