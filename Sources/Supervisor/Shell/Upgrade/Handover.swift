internal import CLinux
internal import Glibc
internal import IPCControl

/// The change from one image of the supervisor to another in the same process: its state in a sealed memory file, its
/// descriptors open, its children and signals the kernel's. Forward and back are the same.
///
/// The memory file's number, the executable that goes before and why it was gone back travel in one environment
/// variable, which nobody but the next image sees.
final class Handover {
    static let variable = "CLAWHOLD_UPGRADE"

    private var file: Descriptor?
    /// The executable of the image before, for going back; nil after going back.
    private var previous: Descriptor?
    /// Why the image after this one went back without having understood the state.
    let failure: String?

    /// What the image before left in the environment, which is taken out of it; nil at an ordinary start.
    init?(taking environment: inout Environment) {
        guard let text = environment[Self.variable] else { return nil }
        environment = environment.without(Self.variable)
        let parts = text.split(separator: ":", maxSplits: 2)
        guard parts.count >= 2, let file = Int32(parts[0]), file > 2, let previous = Int32(parts[1]),
            clinux_is_sealed(file), previous < 0 || fcntl(previous, F_GETFD) >= 0
        else { return nil }
        self.file = Descriptor(owning: file)
        self.previous = previous > 2 ? Descriptor(owning: previous) : nil
        failure = parts.count > 2 ? String(parts[2]) : nil
        // Before anything is started: whatever fails here fails the adoption later.
        for fd in [file, previous] where fd > 2 { _ = clinux_set_close_on_exec(fd, true) }
    }

    /// The state, with its descriptors close-on-exec again.
    func read() throws -> UpgradeState {
        guard let fd = file?.raw else { throw StateError.missing("the memory file") }
        let state = try StateReader.read(try StateFile.bytes(of: fd))
        guard state.head.pid == getpid() else { throw StateError.foreign("of PID \(state.head.pid)") }
        for fd in state.descriptors { try Errno.check(clinux_set_close_on_exec(fd, true), "fcntl", "\(fd)") }
        return state
    }

    /// The state was taken over: it is nowhere else any more.
    func forgetState() {
        file = nil
    }

    /// Gives the executable away.
    func releasePrevious() -> Descriptor? {
        previous.take()
    }

    /// Executes the image before with the state as it came. Returns only when that is impossible.
    func goBack(because reason: String, _ state: UpgradeState?, _ environment: Environment) {
        guard let previous = previous.take(), let file = file.take() else { return }
        // What was not understood was not made close-on-exec either.
        let kept = (state?.descriptors ?? []) + [file.raw]
        Self.execute(previous.raw, state: file.raw, previous: -1, failure: reason, keeping: kept, environment)
    }

    /// Becomes `executable`. Returns only when that fails, with why; everything is as before then.
    @discardableResult
    static func execute(
        _ executable: Int32,
        state: Int32,
        previous: Int32,
        failure: String? = nil,
        keeping descriptors: [Int32],
        _ environment: Environment
    ) -> Errno {
        let inherited = descriptors + [state, previous].filter { $0 > 2 }
        for fd in inherited { _ = clinux_set_close_on_exec(fd, false) }
        let why = failure.map { ":" + $0.utf8.prefix(500).map { $0 < 0x20 ? " " : String(UnicodeScalar($0)) }.joined() }
        let variable = "\(Self.variable)=\(state):\(previous)\(why ?? "")"
        let code = withCStrings(ProgramArguments.all()) { arguments in
            withCStrings(environment.lines + [variable]) { clinux_execute(executable, arguments, $0) }
        }
        for fd in inherited { _ = clinux_set_close_on_exec(fd, true) }
        return Errno(-code, "exec")
    }

    private static func withCStrings(
        _ texts: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
    ) -> Int32 {
        var copies = texts.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        guard copies.allSatisfy({ $0 != nil }) else { return -ENOMEM }
        copies.append(nil)
        return copies.withUnsafeBufferPointer { $0.baseAddress.map(body) ?? -EINVAL }
    }
}

/// The sealed memory file.
enum StateFile {
    /// A new one that holds `bytes` and will never hold anything else.
    static func make(_ bytes: [UInt8]) throws(Errno) -> Descriptor {
        let file = Descriptor(owning: try Errno.check(clinux_memfd("clawhold-state"), "memfd_create"))
        var offset = 0
        while offset < bytes.count {
            let (raw, position) = (file.raw, offset)
            let count = try Errno.retrying("write", "memory file") {
                bytes[position...].withUnsafeBytes { write(raw, $0.baseAddress, $0.count) }
            }
            guard count > 0 else { throw Errno(EIO, "write", "memory file") }
            offset += count
        }
        try Errno.check(clinux_seal(file.raw), "seal", "memory file")
        return file
    }

    /// All of it, wherever its shared offset stands.
    static func bytes(of fd: Int32) throws -> [UInt8] {
        guard clinux_is_sealed(fd) else { throw StateError.missing("a sealed file") }
        var facts = stat()
        try Errno.retrying("stat", "memory file") { fstat(fd, &facts) }
        guard facts.st_size <= StateReader.sizeLimit else { throw StateError.tooMuch("\(facts.st_size) bytes") }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        var offset = 0
        while offset < bytes.count {
            let position = offset
            let count = try Errno.retrying("read", "memory file") {
                bytes[position...].withUnsafeMutableBytes { pread(fd, $0.baseAddress, $0.count, off_t(position)) }
            }
            guard count > 0 else { throw StateError.cut }
            offset += count
        }
        return bytes
    }
}
