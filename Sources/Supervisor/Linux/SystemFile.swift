internal import Glibc

/// Small files of the kernel and of ours, read and written whole and within a bound.
package enum SystemFile {
    /// Reads at most `limit` bytes; what is beyond is not looked at.
    package static func bytes(_ path: String, limit: Int = 64 * 1024) throws(Errno) -> [UInt8] {
        let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        return try bytes(of: file, path: path, limit: limit)
    }

    static func bytes(of file: borrowing Descriptor, path: String, limit: Int) throws(Errno) -> [UInt8] {
        let raw = file.raw
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit, 16 * 1024))
        while result.count < limit {
            let wanted = min(chunk.count, limit - result.count)
            let count = try Errno.retrying("read", path) { read(raw, &chunk, wanted) }
            if count == 0 { break }
            result += chunk.prefix(count)
        }
        return result
    }

    /// The same as text; bytes that are not UTF-8 are replaced.
    package static func text(_ path: String, limit: Int = 64 * 1024) throws(Errno) -> String {
        String(decoding: try bytes(path, limit: limit), as: UTF8.self)
    }

    /// The number that is the whole content (`memory.current`, `oom_score_adj`); nil for `max`, or anything else.
    package static func number(_ path: String) -> Int64? {
        guard let text = try? text(path, limit: 64) else { return nil }
        return Int64(text.prefix { $0 == "-" || $0.isNumber })
    }

    /// The value of `key` in a file of `key value` lines (`memory.stat`, `memory.events`, `/proc/self/status`).
    package static func field(_ key: String, of text: String) -> Int64? {
        for line in text.split(separator: "\n") {
            let words = line.split(maxSplits: 2, whereSeparator: { $0 == " " || $0 == "\t" })
            guard let name = words.first, words.count >= 2 else { continue }
            if name == key || (name.last == ":" && name.dropLast() == key) { return Int64(words[1]) }
        }
        return nil
    }

    /// Writes into a file that exists (a control file of the kernel), in one write.
    package static func write(_ text: String, to path: String) throws(Errno) {
        let file = try Descriptor.open(path, O_WRONLY)
        let raw = file.raw
        let bytes = Array(text.utf8)
        let count = try Errno.retrying("write", path) { Glibc.write(raw, bytes, bytes.count) }
        if count != bytes.count { throw Errno(EIO, "write", path) }
    }

    /// Replaces a file of ours as a whole: readers see the old content or the new.
    package static func replace(_ path: String, with text: String, mode: UInt32) throws(Errno) {
        let temporary = "\(path).\(getpid()).tmp"
        _ = unlink(temporary)
        do {
            let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
            let raw = file.raw
            // The umask must not decide who can read it.
            try Errno.retrying("chmod", temporary) { fchmod(raw, mode) }
            try write(text, to: temporary)
        }
        do {
            try Errno.retrying("rename", path) { rename(temporary, path) }
        } catch {
            _ = unlink(temporary)
            throw error
        }
    }

    /// The names in a directory, without `.` and `..`; empty when it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Where a symbolic link points, or nil.
    package static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}
