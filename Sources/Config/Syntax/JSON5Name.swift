/// Keys without quotes: the identifier names of ECMAScript 5.1.
enum JSON5Name {
    static func take(from cursor: inout JSON5Cursor) throws(JSON5Error) -> String {
        let start = cursor.position
        var name = String.UnicodeScalarView()
        while var scalar = try cursor.peek() {
            let position = cursor.position
            let escaped = scalar == "\\"
            var ahead = cursor
            _ = try ahead.take()
            if escaped {
                guard try ahead.take() == "u" else { throw JSON5Error(at: position, "a key may hold only \\u escapes") }
                scalar = try JSON5String.unicode(at: position, from: &ahead)
            }
            guard name.isEmpty ? begins(scalar) : continues(scalar) else {
                if escaped { throw JSON5Error(at: position, "this character cannot stand in a key without quotes") }
                break
            }
            name.append(scalar)
            cursor = ahead
        }
        guard !name.isEmpty else {
            throw JSON5Error(at: start, "a key is expected here: a name, or text in quotes")
        }
        return String(name)
    }

    private static func begins(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "$", "_": return true
        default:
            guard !scalar.isASCII else { return false }
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .letterNumber:
                return true
            default: return false
            }
        }
    }

    private static func continues(_ scalar: Unicode.Scalar) -> Bool {
        if begins(scalar) { return true }
        switch scalar {
        case "0"..."9", "\u{200C}", "\u{200D}": return true
        default:
            guard !scalar.isASCII else { return false }
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .spacingMark, .decimalNumber, .connectorPunctuation: return true
            default: return false
            }
        }
    }
}
