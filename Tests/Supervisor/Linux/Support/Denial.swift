import Glibc

/// Makes system calls fail in this process and all it starts, as an older kernel or a container's filter would.
///
/// Only in a process of the test's own: it cannot be taken back.
enum Denial {
    /// x86_64 and aarch64 share the numbers from 424 on; the older ones differ.
    #if arch(x86_64)
        static let socket: UInt32 = 41
        static let clone: UInt32 = 56
        static let eventfd: UInt32 = 290
    #else
        static let socket: UInt32 = 198
        static let clone: UInt32 = 220
        static let eventfd: UInt32 = 19
    #endif
    static let pidfdSendSignal: UInt32 = 424
    static let pidfdOpen: UInt32 = 434
    static let closeRange: UInt32 = 436
    static let landlock: UInt32 = 444

    /// - Parameter argument: only when the first argument is this.
    static func deny(_ call: UInt32, argument: UInt32? = nil, code: Int32) -> Bool {
        // BPF: load the number; other calls pass; load the first argument; others pass; refuse; allow.
        func statement(_ code: UInt16, _ value: UInt32, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) -> UInt64 {
            UInt64(code) | UInt64(ifTrue) << 16 | UInt64(ifFalse) << 24 | UInt64(value) << 32
        }
        let (load, equal, result): (UInt16, UInt16, UInt16) = (0x20, 0x15, 0x06)
        let refuse: UInt32 = 0x0005_0000 | UInt32(bitPattern: code)
        var program = [statement(load, 0)]
        if let argument {
            program += [
                statement(equal, call, ifFalse: 3), statement(load, 16), statement(equal, argument, ifFalse: 1),
            ]
        } else {
            program.append(statement(equal, call, ifFalse: 1))
        }
        program += [statement(result, refuse), statement(result, 0x7fff_0000)]
        struct Program {
            var count: UInt16
            var statements: UnsafeMutablePointer<UInt64>?
        }
        typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let prctl = dlsym(nil, "prctl").map({ unsafeBitCast($0, to: Prctl.self) }) else { return false }
        return program.withUnsafeMutableBufferPointer { statements in
            var filter = Program(count: UInt16(statements.count), statements: statements.baseAddress)
            return withUnsafePointer(to: &filter) { pointer in
                let (setSeccomp, filterMode): (Int32, UInt) = (22, 2)
                return prctl(38, 1, 0, 0, 0) == 0
                    && prctl(setSeccomp, filterMode, UInt(bitPattern: pointer), 0, 0) == 0
            }
        }
    }
}
