import Testing

@testable import Config

@Suite("Where it runs")
struct SurroundingsTests {
    private struct Files: FileReading {
        var paths: Set<String> = []
        func read(_ path: String, limit: Int) -> FileContent { paths.contains(path) ? .bytes([]) : .missing }
        func isDirectory(_ path: String) -> Bool { false }
    }

    @Test("Fly's variable names the application; one that cannot be part of a host name is not believed")
    func fly() {
        func detect(_ variables: [String: String]) -> Surroundings {
            Surroundings.detect(environment: Environment(variables), files: Files())
        }
        #expect(detect(["FLY_APP_NAME": "my-openclaw"]) == .fly(app: "my-openclaw"))
        #expect(detect(["FLY_APP_NAME": "x.evil.example/"]) == .container)
        #expect(detect(["FLY_APP_NAME": String(repeating: "a", count: 64)]) == .container)
        #expect(detect([:]) == .machine)
    }

    @Test("Docker and Podman leave a file, others a variable", arguments: ["/.dockerenv", "/run/.containerenv"])
    func container(path: String) {
        #expect(Surroundings.detect(environment: Environment([:]), files: Files(paths: [path])) == .container)
        #expect(
            Surroundings.detect(environment: Environment(["KUBERNETES_SERVICE_HOST": "x"]), files: Files())
                == .container
        )
    }

    private static let mountinfo = """
        21 1 0:19 / / rw,relatime - overlay overlay rw,lowerdir=/l
        22 21 254:16 / /data rw,relatime shared:2 master:1 - ext4 /dev/vdb rw
        23 21 0:5 / /tmp rw - tmpfs tmpfs rw
        24 21 254:17 / /with\\040blank rw - xfs /dev/vdc rw
        """

    @Test(
        "the mount of a path is the longest mount point above it; memory and the image itself keep nothing",
        arguments: [
            ("/data", true), ("/data/.openclaw", true), ("/database", false), ("/root/.openclaw", false),
            ("/tmp/x", false), ("/with blank/x", true),
        ]
    )
    func keeps(path: String, isKept: Bool) {
        #expect(MountTable(Array(Self.mountinfo.utf8)).keeps(path) == isKept)
    }

    @Test("a later mount on the same point covers the earlier; without a table nothing is said")
    func covered() {
        let table = MountTable(Array((Self.mountinfo + "\n30 22 0:9 / /data rw - tmpfs none rw").utf8))
        #expect(!table.keeps("/data"))
        #expect(MountTable([]).keeps("/data"))
    }

    @Test("cut at every byte the table is read without harm")
    func truncated() {
        let bytes = Array(Self.mountinfo.utf8)
        for count in bytes.indices { #expect(MountTable(Array(bytes[..<count])).mounts.count <= 4) }
    }
}
