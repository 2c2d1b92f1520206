import Glibc

@testable import Supervisor

/// What a test needs of the machine; the reason is printed when it is missing.
enum Requirement {
    static let isRoot = geteuid() == 0
    static let root = "not run: needs root"
    static let hasMemoryGroups = isRoot && CgroupLayout.current().memoryV1.contains { access($0, W_OK) == 0 }
    static let memoryGroups = "not run: needs root and a writable cgroup v1 memory hierarchy"
    static let hasLandlock = landlockABI > 0
    static let landlock = "not run: the kernel has no Landlock"
}
