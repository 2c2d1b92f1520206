internal import FoundationEssentials
internal import Glibc
internal import IPCControl
internal import IPCHub
internal import Runtime

/// Puts files that the model wants to send where they cannot change or vanish before they are sent: a copy in the outbound
/// folder, under a random name that is all anybody outside learns.
struct OutboundFiles: Sendable {
    let folder: MediaFolder
    let workspace: String
    /// The worker that serves them: `agent:main`.
    let owner: String

    /// Largest file that is sent; networks have smaller limits of their own.
    static let sizeLimit = 50_000_000
    private static let pieceBytes = 256 * 1024

    /// Why a file is not sent, for the model and the operator.
    enum Refusal: Error, Equatable, CustomStringConvertible {
        /// An address: the agent has no network.
        case address(String)
        case refused(String)

        var description: String {
            switch self {
            case .address(let address):
                "\(address) cannot be fetched: this agent has no network. Send the address itself"
            case .refused(let why): why
            }
        }
    }

    /// - Parameter written: as the model wrote it: absolute, or relative to the workspace, or `file://`.
    func copy(_ written: String, isVoice: Bool = false) throws(Refusal) -> HubMedia {
        let shown = ForeignText.label(written, limit: 200)
        if Self.isAddress(written) { throw .address(shown) }
        guard !folder.path.isEmpty else { throw .refused("\(shown) cannot be sent: this agent has no place for files") }
        let path = try absolute(written, shown)
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard fd >= 0 else { throw .refused("\(shown) cannot be sent: \(String(cString: strerror(errno)))") }
        defer { close(fd) }
        // What was opened counts, not what was written: links lead anywhere.
        guard let opened = Self.path(of: fd), isAllowed(opened) else {
            throw .refused("\(shown) cannot be sent: only files in the workspace \(workspace) are")
        }
        let size: Int
        do throws(DiskError) { size = try Disk.size(of: fd, shown) } catch {
            throw .refused("\(shown) cannot be sent: \(error)")
        }
        guard size > 0, size <= Self.sizeLimit else {
            let what = size == 0 ? "empty" : "larger than \(Self.sizeLimit / 1_000_000) MB"
            throw .refused("\(shown) cannot be sent: it is \(what)")
        }
        do throws(DiskError) { return try store(fd, size: size, name: path, isVoice: isVoice) } catch {
            throw .refused("\(shown) cannot be sent: \(error)")
        }
    }

    private func store(_ fd: Int32, size: Int, name path: String, isVoice: Bool) throws(DiskError) -> HubMedia {
        try folder.make()
        let id = Self.randomID()
        let part = try PartFile("\(folder.outbound)/\(id).part")
        var offset = 0
        while offset < size {
            let bytes = try Disk.read(fd, offset..<min(offset + Self.pieceBytes, size), path)
            guard !bytes.isEmpty else { break }
            try part.append(bytes)
            offset += bytes.count
        }
        let name = path.split(separator: "/").last.map(String.init) ?? "file"
        let mime = MediaType.sniffed(part.head) ?? FileKind.mime(ofName: name) ?? "application/octet-stream"
        // The answer that names it is journaled: after a power cut both are there.
        try part.finish(as: "\(folder.outbound)/\(id)", sync: true)
        var media = HubMedia()
        media.kind = isVoice && mime.hasPrefix("audio/") ? .voice : FileKind.kind(mime: mime)
        media.owner = owner
        media.ref = Data(id.utf8)
        media.mime = mime
        media.name = ForeignText.label(name, limit: 120)
        media.size = UInt64(offset)
        return media
    }

    private func absolute(_ written: String, _ shown: String) throws(Refusal) -> String {
        var path = written
        if path.hasPrefix("file://") { path = String(path.dropFirst("file://".count)) }
        guard !path.isEmpty, path.utf8.count <= 4096, !path.utf8.contains(0), !path.hasPrefix("~") else {
            throw .refused("\(shown) cannot be sent: write a path in the workspace")
        }
        if path.hasPrefix("/") { return path }
        guard !workspace.isEmpty else { throw .refused("\(shown) cannot be sent: this agent has no workspace") }
        return "\(workspace)/\(path)"
    }

    private func isAllowed(_ path: String) -> Bool {
        [workspace, folder.inbound, folder.outbound].contains { root in
            guard !root.isEmpty, let resolved = realpath(root, nil) else { return false }
            defer { free(resolved) }
            let directory = String(cString: resolved)
            return directory != "/" && path.hasPrefix(directory + "/")
        }
    }

    private static func path(of fd: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map {
                readlink("/proc/self/fd/\(fd)", $0.assumingMemoryBound(to: CChar.self), buffer.count)
            } ?? 0
        }
        guard count > 0, count < bytes.count else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    static func isAddress(_ text: String) -> Bool {
        let lowered = text.prefix(10).lowercased()
        return lowered.hasPrefix("http://") || lowered.hasPrefix("https://")
    }

    static func randomID() -> String { Hex.encode((0..<16).map { _ in UInt8.random(in: .min ... .max) }) }

    /// Whether `text` is a name that `randomID` can have made.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == 32
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
