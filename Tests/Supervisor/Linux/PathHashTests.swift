import Testing

@testable import Supervisor

struct PathHashTests {
    @Test("a lock file has the name that OpenClaw gives it")
    func openClaw() {
        #expect(PathHash.hash8("/data/openclaw.json") == "e07590a5")
    }

    @Test(
        "SHA-1 agrees with sha1sum where the padding takes one block and where it takes two",
        arguments: [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000]
    )
    func sha1(length: Int) throws {
        let text = String((0..<length).map { _ in "a" })
        let program = try Program(["/bin/sh", "-c", "printf %s \"$1\" | sha1sum", "sh", text]) {
            $0.environment = ["PATH=/usr/bin:/bin"]
        }
        let expected = try program.text().prefix(8)
        #expect(PathHash.hash8(text) == expected)
    }
}
