/// Changes one value in the text of a configuration file and nothing else: comments, order, quotes, commas and line ends of all
/// the rest stay byte for byte (decision 0195).
package enum ConfigEdit {
    /// Why a file was left alone.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// The file with `value` at `path`. Objects that are missing on the way are added.
    ///
    /// Throws when the file does not parse, when something on the way is no object, or when the result would not say
    /// exactly what the file said with that one value changed.
    package static func setting(
        _ path: ConfigPath,
        to value: ConfigValue,
        in bytes: [UInt8]
    ) throws(Refusal) -> [UInt8] {
        do {
            let old = try JSON5Parser.parse(bytes)
            let new = try edited(path, value, bytes)
            let expected = setting(path.parts[...], to: value, in: old)
            guard expected.says(try JSON5Parser.parse(new)) else {
                throw Refusal(description: "\(path) cannot be changed in this file without changing something else")
            }
            return new
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(description: "the file is not JSON5: \(error)")
        }
    }

    private static func edited(_ path: ConfigPath, _ value: ConfigValue, _ bytes: [UInt8]) throws -> [UInt8] {
        var offset = try start(of: bytes)
        guard let root = try JSON5Layout(of: bytes, at: offset) else {
            throw Refusal(description: "the file must hold an object in braces")
        }
        for (index, part) in path.parts.enumerated() {
            guard let layout = try JSON5Layout(of: bytes, at: offset) else {
                let place = ConfigPath(Array(path.parts.prefix(index)))
                throw Refusal(description: "\(place) is no object")
            }
            let style = ConfigStyle(bytes, layout, root: root)
            guard let member = layout.member(part) else {
                let rest = path.parts.dropFirst(index + 1)
                let nested = rest.reversed().reduce(value) { inner, key in
                    var object = ConfigObject()
                    object.set(.init(key: key, value: inner))
                    return ConfigValue(.object(object))
                }
                return inserted(part, nested, layout, style, bytes)
            }
            offset = member.value.lowerBound
            guard index == path.parts.count - 1 else { continue }
            let text = style.text(value, replacing: bytes[offset])
            return bytes[..<offset] + Array(text.utf8) + bytes[member.value.upperBound...]
        }
        throw Refusal(description: "a place in the file is needed")
    }

    private static func inserted(
        _ key: String,
        _ value: ConfigValue,
        _ layout: JSON5Layout,
        _ style: ConfigStyle,
        _ bytes: [UInt8]
    ) -> [UInt8] {
        var result = Array(bytes[..<(layout.members.last?.value.upperBound ?? layout.contentEnd)])
        if let last = layout.members.last {
            if !layout.hasLastComma { result.append(UInt8(ascii: ",")) }
            result += bytes[last.value.upperBound..<layout.contentEnd]
        }
        result += Array(style.member(key, value).utf8)
        if layout.hasLastComma { result.append(UInt8(ascii: ",")) }
        if layout.contentEnd == layout.close, layout.members.isEmpty { result += Array(style.closing.utf8) }
        return result + bytes[layout.contentEnd...]
    }

    /// Where the value of a file begins.
    private static func start(of bytes: [UInt8]) throws(JSON5Error) -> Int {
        var parser = JSON5Parser(bytes: bytes)
        try parser.skipSpace()
        return parser.cursor.offset
    }

    private static func setting(_ path: ArraySlice<String>, to value: ConfigValue, in tree: ConfigValue) -> ConfigValue
    {
        guard let first = path.first else { return value }
        var object = tree.object ?? ConfigObject()
        let inner = setting(path.dropFirst(), to: value, in: object[first] ?? ConfigValue(.object(ConfigObject())))
        object.set(.init(key: first, value: inner))
        return ConfigValue(.object(object), at: tree.position)
    }
}

extension ConfigValue {
    /// Whether both say the same, wherever it stands.
    package func says(_ other: ConfigValue) -> Bool {
        switch (kind, other.kind) {
        case (.number(_, let one), .number(_, let two)): one == two
        case (.array(let one), .array(let two)): one.count == two.count && zip(one, two).allSatisfy { $0.says($1) }
        case (.object(let one), .object(let two)):
            one.members.count == two.members.count
                && zip(one.members, two.members).allSatisfy { $0.key == $1.key && $0.value.says($1.value) }
        default: kind == other.kind
        }
    }
}
