/// The characters that mean something in Markdown, as UTF-16 units.
enum Mark: UInt16 {
    case backslash = 0x5C
    case backtick = 0x60
    case star = 0x2A
    case underscore = 0x5F
    case tilde = 0x7E
    case bar = 0x7C
    case openBracket = 0x5B
    case closeBracket = 0x5D
    case openAngle = 0x3C
    case bang = 0x21
    /// Of `http`.
    case h = 0x68

    init?(_ unit: UInt16) { self.init(rawValue: unit) }

    static func isPunctuation(_ unit: UInt16) -> Bool {
        switch unit {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    /// A letter or digit, or anything that is not ASCII.
    static func isWord(_ unit: UInt16) -> Bool {
        switch unit {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...: true
        default: false
        }
    }

    static func isPair(_ unit: UInt16) -> Bool { unit == Mark.tilde.rawValue || unit == Mark.bar.rawValue }

    /// What `width` of a mark on either side of words make of them.
    static func style(_ unit: UInt16, _ width: Int) -> RichText.Style {
        switch Mark(unit) {
        case .tilde: .strike
        case .bar: .spoiler
        default: width == 2 ? .bold : .italic
        }
    }
}
