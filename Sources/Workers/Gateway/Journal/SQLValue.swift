/// A value that goes into a statement or comes out of a row.
enum SQLValue {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    static func flag(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
    static func count(_ value: Int) -> SQLValue { .integer(Int64(value)) }
    /// Incarnations are small numbers; one beyond `Int64` is stored as the largest, which fences all the same.
    static func incarnation(_ value: UInt64) -> SQLValue { .integer(Int64(clamping: value)) }
}
