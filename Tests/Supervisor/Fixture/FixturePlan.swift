import Glibc

/// Shows its environment on standard error when SHOW_ENVIRONMENT is in it. Writes a file of blocks to the lifeline. A file that begins with `exit N` is a refusal instead, `hang` never ends.
enum FixturePlan {
    static func run(file path: String) -> Never {
        if getenv("SHOW_ENVIRONMENT") != nil { showEnvironment() }
        let file = open(path, O_RDONLY)
        guard file >= 0 else { exit(66) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else { exit(66) }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        if text.hasPrefix("exit ") {
            let words = Array("refused by the fixture\n".utf8)
            _ = words.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            exit(Int32(text.dropFirst(5).prefix { $0.isNumber }) ?? 1)
        }
        if text.hasPrefix("hang") { while true { pause() } }
        var offset = 0
        while offset < count {
            let written = bytes[offset..<count].withUnsafeBytes { write(3, $0.baseAddress, $0.count) }
            guard written > 0 else { exit(74) }
            offset += written
        }
        exit(0)
    }

    private static func showEnvironment() {
        var next = environ
        while let line = next.pointee {
            let words = Array("planner sees \(String(cString: line))\n".utf8)
            _ = words.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            next += 1
        }
    }
}
