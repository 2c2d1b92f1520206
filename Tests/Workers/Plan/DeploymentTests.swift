import Config
import Testing

@testable import Plan

@Suite("Deployment")
struct DeploymentTests {
    @Test("on Fly the page of the application's own address is admitted beside the configured ones")
    func origin() throws {
        let config = #"{gateway: {controlUi: {allowedOrigins: ["https://other.example"]}}}"#
        let onFly = try makePlan(config, environment: ["FLY_APP_NAME": "my-openclaw"]).gateway()
        #expect(onFly.controlUI.allowedOrigins == ["https://other.example", "https://my-openclaw.fly.dev"])
        #expect(onFly.flyApp == "my-openclaw")
        let elsewhere = try makePlan(config).gateway()
        #expect(elsewhere.controlUI.allowedOrigins == ["https://other.example"])
        #expect(elsewhere.flyApp == "")
    }

    private static let mounts = MountTable(
        Array("21 1 0:19 / / rw - overlay o rw\n22 21 254:16 / /data rw - ext4 /dev/vdb rw".utf8)
    )

    @Test("a state directory that is no mount point is told in a container, and nowhere else")
    func forgetful() {
        func said(_ path: String, _ surroundings: Surroundings) -> String? {
            StateDirectory.forgetful(path, surroundings, Self.mounts)
        }
        #expect(said("/data", .container) == nil)
        #expect(said("/root/.openclaw", .machine) == nil)
        #expect(said("/root/.openclaw", .container)?.contains("docker run -v clawhold:/root/.openclaw") == true)
        #expect(said("/root/.openclaw", .fly(app: "a"))?.contains("[mounts] destination = \"/root/.openclaw\"") == true)
    }
}
