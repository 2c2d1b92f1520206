/// Numbers of JSON5: signs, hexadecimal, a leading or trailing dot, `Infinity`, `NaN`.
enum JSON5Number {
    /// Digits beyond this are no number that anybody meant.
    private static let longest = 400

    /// Whether a value with this first byte can only be a number.
    static func begins(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case "+", "-", ".", "0"..."9", "I", "N": true
        default: false
        }
    }

    /// Takes a number; `text` is what was written, without a plus sign, so that an id keeps all its digits.
    static func take(from cursor: inout JSON5Cursor) throws(JSON5Error) -> (value: Double, text: String) {
        let start = cursor.position
        var text = ""
        while let scalar = try cursor.peek(), belongs(scalar, after: text) {
            guard text.utf8.count < longest else { throw JSON5Error(at: start, "this number is too long") }
            text.unicodeScalars.append(scalar)
            _ = try cursor.take()
        }
        if text.hasPrefix("+") { text.removeFirst() }
        guard let value = value(of: text) else { throw JSON5Error(at: start, "this is not a number") }
        return (value, text)
    }

    private static func belongs(_ scalar: Unicode.Scalar, after text: String) -> Bool {
        switch scalar {
        case "0"..."9", "a"..."z", "A"..."Z", ".": true
        case "+", "-": text.isEmpty || ((text.hasSuffix("e") || text.hasSuffix("E")) && !text.contains("x"))
        default: false
        }
    }

    private static func value(of text: String) -> Double? {
        let negative = text.hasPrefix("-")
        let digits = negative ? text.dropFirst() : text[...]
        guard let magnitude = magnitude(of: digits) else { return nil }
        return negative ? -magnitude : magnitude
    }

    private static func magnitude(of digits: Substring) -> Double? {
        if digits == "Infinity" { return .infinity }
        if digits == "NaN" { return .nan }
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") { return hexadecimal(digits.dropFirst(2)) }
        return isDecimal(digits) ? Double(digits.hasSuffix(".") ? digits.dropLast() : digits) ?? viaZero(digits) : nil
    }

    /// `5.e3` is a number of JSON5 and none of Swift.
    private static func viaZero(_ digits: Substring) -> Double? {
        guard let dot = digits.firstIndex(of: ".") else { return nil }
        return Double("0" + digits[..<dot] + ".0" + digits[digits.index(after: dot)...])
    }

    private static func hexadecimal(_ digits: Substring) -> Double? {
        guard !digits.isEmpty else { return nil }
        var value = 0.0
        for character in digits {
            guard character.isASCII, let digit = character.hexDigitValue else { return nil }
            value = value * 16 + Double(digit)
        }
        return value
    }

    /// Digits with an optional dot and exponent, without zeros in front.
    private static func isDecimal(_ text: Substring) -> Bool {
        var rest = text
        func isDigit(_ character: Character) -> Bool { character.isASCII && character.isWholeNumber }
        let whole = rest.prefix(while: isDigit)
        guard whole.count <= 1 || !whole.hasPrefix("0") else { return false }
        rest = rest.dropFirst(whole.count)
        var fraction = Substring()
        if rest.hasPrefix(".") {
            rest = rest.dropFirst()
            fraction = rest.prefix(while: isDigit)
            rest = rest.dropFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return false }
        guard rest.hasPrefix("e") || rest.hasPrefix("E") else { return rest.isEmpty }
        rest = rest.dropFirst()
        if rest.hasPrefix("+") || rest.hasPrefix("-") { rest = rest.dropFirst() }
        return !rest.isEmpty && rest.allSatisfy(isDigit)
    }
}
