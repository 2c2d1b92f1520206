import Glibc

@testable import Supervisor

/// A directory of its own under /tmp, gone with its owner.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/clawhold-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { preconditionFailure("mkdtemp failed") }
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        Self.remove(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    private static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in SystemFile.names(in: path) { remove("\(path)/\(name)") }
        rmdir(path)
    }
}
