import Glibc

/// A directory of its own for one test, removed with it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/clawhold-agent-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Failure() }
        path = String(cString: made)
    }

    struct Failure: Error {}

    deinit {
        for name in names() {
            for inner in names(name) { removeAll("\(name)/\(inner)") }
            removeAll(name)
            remove(name)
        }
        rmdir(path)
    }

    func makeDirectory(_ name: String) { mkdir("\(path)/\(name)", 0o700) }

    func read(_ name: String) -> [UInt8]? {
        guard let file = fopen("\(path)/\(name)", "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return bytes
    }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) {
        guard let file = fopen("\(path)/\(name)", "w") else { return }
        defer { fclose(file) }
        for byte in bytes { fputc(Int32(byte), file) }
    }

    func remove(_ name: String) { unlink("\(path)/\(name)") }

    /// Removes a directory of files.
    func removeAll(_ name: String) {
        for inner in names(name) { unlink("\(path)/\(name)/\(inner)") }
        rmdir("\(path)/\(name)")
    }

    func names(_ name: String = ".") -> [String] {
        guard let directory = opendir("\(path)/\(name)") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
