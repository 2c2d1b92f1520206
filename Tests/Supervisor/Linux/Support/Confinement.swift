import CLinux
import Glibc

/// Landlock's ABI on this kernel, 0 without it.
let landlockABI = max(clinux_landlock_abi(), 0)

/// Runs `clinux_landlock_restrict` with these paths.
func restrict(readOnly: [String], writable: [String] = []) -> Int32 {
    let paths = readOnly + writable
    let copies = paths.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    let rules = copies.enumerated().compactMap { index, path in
        path.map { clinux_landlock_path(path: UnsafePointer($0), writable: index >= readOnly.count, executable: false) }
    }
    return clinux_landlock_restrict(rules, rules.count)
}
