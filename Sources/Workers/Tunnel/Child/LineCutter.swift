/// Cuts a program's output into lines of bounded length. Pure.
struct LineCutter {
    /// Bytes of a line; the rest of a longer one is dropped.
    static let limit = 16 * 1024
    private var line: [UInt8] = []

    mutating func take(_ bytes: some Sequence<UInt8>, _ give: (String) -> Void) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                end(give)
            } else if line.count < Self.limit {
                line.append(byte)
            }
        }
    }

    /// What is there is the last line.
    mutating func end(_ give: (String) -> Void) {
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        if !line.isEmpty { give(String(decoding: line, as: UTF8.self)) }
        line.removeAll(keepingCapacity: true)
    }
}
