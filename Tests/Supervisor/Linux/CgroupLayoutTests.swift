import Testing

@testable import Supervisor

struct CgroupLayoutTests {
    @Test("a hybrid layout gives the v1 memory group and the group in the unified tree")
    func hybrid() {
        let layout = CgroupLayout(
            mountinfo: """
                31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
                32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
                35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
                39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
                41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:3 master:1 - cgroup2 cgroup2 rw
                """,
            cgroup: "9:name=systemd:/\n8:pids:/app\n4:memory:/app/one:two\n1:cpu:/\n0::/\n"
        )
        #expect(layout.pidsV1 == ["/sys/fs/cgroup/pids/app", "/sys/fs/cgroup/pids"])
        #expect(layout.memoryV1 == ["/sys/fs/cgroup/memory/app/one:two", "/sys/fs/cgroup/memory"])
        #expect(layout.unified == ["/sys/fs/cgroup/unified"])
    }

    @Test("in a container without a namespace the mount shows a part of the tree, or none of our path")
    func container() {
        let shown = CgroupLayout(
            mountinfo: "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
            cgroup: "4:memory:/docker/abc/inner"
        )
        #expect(shown.memoryV1 == ["/sys/fs/cgroup/memory/inner", "/sys/fs/cgroup/memory"])
        let sibling = CgroupLayout(
            mountinfo: "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
            cgroup: "4:memory:/docker/abcdef"
        )
        #expect(sibling.memoryV1 == ["/sys/fs/cgroup/memory/docker/abcdef", "/sys/fs/cgroup/memory"])
        let outside = CgroupLayout(
            mountinfo: "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
            cgroup: "0::/../other"
        )
        #expect(outside.unified == ["/sys/fs/cgroup"])
    }

    @Test("a start from the leaf of an earlier supervisor belongs to the group above it, and from no other leaf")
    func leaf() {
        let mount = "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
        func place(_ path: String) -> String? { CgroupLayout(mountinfo: mount, cgroup: "0::\(path)").unified.first }
        #expect(place("/unit/clawhold-0a1b2c3d/supervisor") == "/sys/fs/cgroup/unit")
        #expect(place("/clawhold-0a1b2c3d/supervisor") == "/sys/fs/cgroup")
        #expect(place("/unit/supervisor") == "/sys/fs/cgroup/unit/supervisor")
        #expect(place("/supervisor") == "/sys/fs/cgroup/supervisor")
    }

    @Test("blanks in a mount point are written in octal")
    func escapes() {
        let layout = CgroupLayout(
            mountinfo: "35 31 0:32 / /my\\040groups\\134x rw - cgroup2 cgroup2 rw",
            cgroup: "0::/a"
        )
        #expect(layout.unified == ["/my groups\\x/a", "/my groups\\x"])
    }

    @Test(
        "damaged text gives no place and no trap",
        arguments: [
            "", "-", "35 31 - cgroup2", "35 31 0:32 / /x rw - cgroup", "a b c d e f - cgroup2", "\\", " - - - - - - -",
        ]
    )
    func damaged(text: String) {
        let layout = CgroupLayout(mountinfo: text, cgroup: "::\n4:memory\n:\n")
        #expect(layout.memoryV1.isEmpty)
        #expect(layout.unified.isEmpty)
    }
}
