/// Discord's ids: decimal numbers of 64 bits whose upper part is a time.
enum Snowflake {
    /// Milliseconds since 1970 at which Discord begins to count.
    private static let epoch: Int64 = 1_420_070_400_000

    /// Whether this may stand in an address: 1 to 20 digits.
    static func isValid(_ id: some StringProtocol) -> Bool {
        (1...20).contains(id.utf8.count)
            && id.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// When the thing with this id was made, milliseconds since 1970; 0 for nonsense.
    static func milliseconds(_ id: some StringProtocol) -> Int64 {
        guard let number = UInt64(id) else { return 0 }
        return Int64(number >> 22) + epoch
    }

    /// The smallest id of that time.
    static func id(atMilliseconds time: Int64) -> String {
        let (since, overflow) = time.subtractingReportingOverflow(epoch)
        guard !overflow, since > 0, since < 1 << 41 else { return "0" }
        return String(UInt64(since) << 22)
    }

    /// Whether `first` was made before `second`.
    static func precedes(_ first: String, _ second: String) -> Bool {
        (UInt64(first) ?? 0) < (UInt64(second) ?? 0)
    }
}
