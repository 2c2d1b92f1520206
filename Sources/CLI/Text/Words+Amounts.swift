internal import Runtime

extension Words {
    /// `$0.00042`, `$0.042`, `$1.50`: as many places as say something.
    static func dollars(_ amount: Double) -> String {
        guard amount.isFinite, abs(amount) < 1e12 else { return "$?" }
        let size = abs(amount)
        let places = size == 0 || size >= 1 ? 2 : size >= 0.01 ? 3 : 5
        let scale: Int64 = [2: 100, 3: 1000][places] ?? 100_000
        let scaled = Int64((size * Double(scale)).rounded())
        var fraction = String(scaled % scale)
        while fraction.count < places { fraction = "0" + fraction }
        return "\(amount < 0 ? "-" : "")$\(scaled / scale).\(fraction)"
    }

    /// `999`, `12.3k`, `4.5M`, `1.2G`: six characters at most.
    static func count(_ number: Int64) -> String {
        let number = max(0, number)
        for (unit, size) in [("T", 1_000_000_000_000 as Int64), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000)]
        where number >= size {
            let tenths = number / (size / 10)
            return tenths < 1000 ? "\(tenths / 10).\(tenths % 10)\(unit)" : "\(tenths / 10)\(unit)"
        }
        return String(number)
    }
}

extension JSON {
    /// Any number.
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let text): Double(text)
        case .null, .bool, .string, .array, .object: nil
        }
    }
}
