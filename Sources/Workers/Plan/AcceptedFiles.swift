internal import Config
internal import Glibc

/// Keeps the files that were accepted: what is in force should the next version not parse.
enum AcceptedFiles {
    /// Returns what could not be written, in words; the plan stands all the same.
    static func keep(_ files: [String: [UInt8]], in directory: String) -> [String] {
        guard !files.isEmpty else { return [] }
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            return ["the accepted configuration cannot be kept in \(directory): \(Output.lastError())"]
        }
        return files.sorted { $0.key < $1.key }.compactMap { name, bytes in
            keep(bytes, at: "\(directory)/accepted-\(name)", in: directory).map {
                "the accepted configuration cannot be kept in \(directory): \($0)"
            }
        }
    }

    /// Written beside, forced to disk, renamed: a crash leaves the old one or the new one, never half of one.
    private static func keep(_ bytes: [UInt8], at path: String, in directory: String) -> String? {
        if case .bytes(bytes) = DiskFiles().read(path, limit: bytes.count) { return nil }
        let temporary = "\(path).\(getpid()).tmp"
        let fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard fd >= 0 else { return Output.lastError() }
        let isWritten = Output.write(bytes, to: fd) && fsync(fd) == 0
        let reason = Output.lastError()
        close(fd)
        guard isWritten, rename(temporary, path) == 0 else {
            let text = isWritten ? Output.lastError() : reason
            unlink(temporary)
            return text
        }
        let parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
        return nil
    }
}
