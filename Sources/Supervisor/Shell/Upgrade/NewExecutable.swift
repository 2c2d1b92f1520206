internal import Glibc

/// The file that an upgrade shall execute: opened once, looked at by descriptor, executed by descriptor.
struct NewExecutable: ~Copyable {
    let descriptor: Descriptor
    let path: String

    /// Why this file is not executed, with what to type.
    struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameter path: absolute; nil is where this image itself was started from, which a new version replaces.
    init(_ path: String?) throws(Refusal) {
        let path = path ?? Self.own
        guard path.hasPrefix("/") else { throw Refusal(description: "\"\(path)\" is not an absolute path") }
        let file = try Self.open(path)
        var facts = stat()
        guard fstat(file.raw, &facts) == 0 else { throw Refusal(description: "cannot look at \(path)") }
        if let reason = Self.refusal(path, facts, user: geteuid()) { throw Refusal(description: reason) }
        descriptor = file
        self.path = path
    }

    private static func open(_ path: String) throws(Refusal) -> Descriptor {
        do {
            return try Descriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        } catch {
            throw Refusal(description: "\(error); name the new executable: clawhold upgrade --from FILE")
        }
    }

    /// The file that this image was started from, whatever is there now.
    static var own: String {
        let link = SystemFile.link("/proc/self/exe") ?? ""
        return link.hasSuffix(" (deleted)") ? String(link.dropLast(10)) : link
    }

    /// Whether another file is where this image was started from.
    static func isReplaced(running: Int32) -> Bool {
        var (mine, there) = (stat(), stat())
        guard fstat(running, &mine) == 0, stat(own, &there) == 0 else { return false }
        return mine.st_dev != there.st_dev || mine.st_ino != there.st_ino
    }

    /// Whoever can write into the file, now or by `chmod`, would be the supervisor's user afterwards.
    static func refusal(_ path: String, _ facts: stat, user: UInt32) -> String? {
        guard facts.st_mode & S_IFMT == S_IFREG, facts.st_mode & 0o111 != 0 else {
            return "\(path) is not an executable file; if it should be one: chmod 755 \(path)"
        }
        guard facts.st_uid == 0 || facts.st_uid == user else {
            return "\(path) belongs to uid \(facts.st_uid), who could change what is executed as uid \(user): "
                + "chown \(user) \(path)"
        }
        guard facts.st_mode & 0o022 == 0 else { return "others can write to \(path): chmod go-w \(path)" }
        guard facts.st_mode & 0o6000 == 0 else { return "\(path) changes its user when started: chmod ug-s \(path)" }
        return nil
    }
}
