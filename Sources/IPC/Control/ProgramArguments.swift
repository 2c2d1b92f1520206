internal import CLinux

/// The command line of this process.
package enum ProgramArguments {
    /// argv, the program's own name first. As the C library got it: Swift's `CommandLine` reads /proc, and is empty in a
    /// container that has none.
    package static func all() -> [String] {
        var all: [String] = []
        while let argument = clinux_argument(Int32(clamping: all.count)) { all.append(String(cString: argument)) }
        return all
    }
}
