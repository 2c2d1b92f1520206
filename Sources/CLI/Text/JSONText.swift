internal import Config

/// JSON for scripts.
enum JSONText {
    enum Value {
        case string(String)
        case integer(Int64)
        /// With one digit behind the point.
        case tenths(Int64)
        case bool(Bool)
        case null
        /// JSON as it is.
        case raw(String)

        /// `null` for an empty string.
        static func nonEmpty(_ text: String) -> Value { text.isEmpty ? .null : .string(text) }
        /// `null` for anything that is not above zero.
        static func positive(_ number: Int64) -> Value { number > 0 ? .integer(number) : .null }
    }

    static func object(_ members: [(String, Value)]) -> String {
        "{" + members.map { "\(JSONWriter.quoted($0.0)):\(text($0.1))" }.joined(separator: ",") + "}"
    }

    static func quoted(_ text: String) -> String { JSONWriter.quoted(text) }

    static func array(_ elements: [String]) -> String {
        "[" + elements.joined(separator: ",") + "]"
    }

    private static func text(_ value: Value) -> String {
        switch value {
        case .string(let string): JSONWriter.quoted(string)
        case .integer(let number): String(number)
        case .tenths(let number): "\(number < 0 ? "-" : "")\((number / 10).magnitude).\((number % 10).magnitude)"
        case .bool(let flag): flag ? "true" : "false"
        case .null: "null"
        case .raw(let json): json
        }
    }
}
