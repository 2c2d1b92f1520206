import CLinux
import Glibc
import Testing

@testable import Supervisor

/// What a worker takes away from itself; each test in a process of its own, since nothing of it can be taken back.
struct ConfinementTests {
    @Test(
        "Landlock leaves what is named readable, and nothing else, and nothing writable",
        .enabled(if: Requirement.hasLandlock, Comment(rawValue: Requirement.landlock))
    )
    func readOnly() async throws {
        let directory = TemporaryDirectory()
        try SystemFile.replace(directory.file("open"), with: "seen", mode: 0o644)
        await #expect(processExitsWith: .success) { [path = directory.path as String] in
            #expect(clinux_set_no_new_privileges() == 0)
            #expect(restrict(readOnly: [path, "/proc/self", "/nonexistent/path"]) > 0)
            let seen = try SystemFile.text("\(path)/open")
            #expect(seen == "seen")
            #expect((try? SystemFile.text("/proc/self/stat")) != nil)
            #expect((try? SystemFile.text("/etc/passwd")) == nil)
            #expect((try? SystemFile.replace("\(path)/new", with: "x", mode: 0o600)) == nil)
            #expect((try? SystemFile.write("x", to: "\(path)/open")) == nil)
            #expect(unlink("\(path)/open") == -1)
            exit(0)
        }
        #expect(try SystemFile.text(directory.file("open")) == "seen")
    }

    @Test(
        "a state directory stays writable, renames between its folders included",
        .enabled(if: landlockABI >= 2, Comment(rawValue: Requirement.landlock))
    )
    func stateDirectory() async throws {
        let directory = TemporaryDirectory()
        mkdir(directory.file("a"), 0o700)
        mkdir(directory.file("b"), 0o700)
        await #expect(processExitsWith: .success) { [path = directory.path as String] in
            #expect(clinux_set_no_new_privileges() == 0)
            #expect(restrict(readOnly: ["/etc"], writable: [path]) > 0)
            try SystemFile.replace("\(path)/a/file", with: "kept", mode: 0o600)
            #expect(rename("\(path)/a/file", "\(path)/b/file") == 0)
            #expect(try SystemFile.text("\(path)/b/file") == "kept")
            #expect(truncate("\(path)/b/file", 2) == 0)
            #expect((try? SystemFile.replace("/tmp/clawhold-must-not-exist", with: "x", mode: 0o600)) == nil)
            exit(0)
        }
        #expect(try SystemFile.text(directory.file("b/file")) == "ke")
    }

    @Test("without the network, sockets other than Unix ones do not exist, for children either")
    func network() async {
        await #expect(processExitsWith: .success) {
            #expect(clinux_set_no_new_privileges() == 0)
            #expect(clinux_seccomp_no_network() == 0)
            for family in [AF_INET, AF_INET6, AF_NETLINK, AF_PACKET] {
                #expect(socket(family, Int32(SOCK_STREAM.rawValue), 0) == -1)
                #expect(errno == EAFNOSUPPORT)
            }
            let unix = clinux_unix_socket()
            #expect(unix >= 0)
            #expect((try? SocketPair()) != nil)
            let child = try Program.python(
                """
                import socket
                try: socket.socket()
                except OSError as error: print(error.errno)
                """
            )
            let refusal = try child.text()
            #expect(refusal == "\(EAFNOSUPPORT)\n")
            exit(0)
        }
    }

    @Test("a listener that was inherited still accepts without the network")
    func inheritedListener() async throws {
        await #expect(processExitsWith: .success) {
            let listener = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
            let client = try connect(to: "127.0.0.1", port: listener.port)
            #expect(clinux_set_no_new_privileges() == 0)
            #expect(clinux_seccomp_no_network() == 0)
            #expect(try listener.accept() != nil)
            close(client)
            exit(0)
        }
    }

    @Test("a worker is not dumpable and leaves no core")
    func notDumpable() async {
        await #expect(processExitsWith: .success) {
            typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
            let prctl = try #require(dlsym(nil, "prctl").map { unsafeBitCast($0, to: Prctl.self) })
            let getDumpable: Int32 = 3
            #expect(prctl(getDumpable, 0, 0, 0, 0) == 1)
            #expect(clinux_set_no_core() == 0)
            #expect(clinux_set_not_dumpable() == 0)
            #expect(prctl(getDumpable, 0, 0, 0, 0) == 0)
            var limit = rlimit()
            #expect(getrlimit(__rlimit_resource_t(UInt32(RLIMIT_CORE.rawValue)), &limit) == 0)
            #expect(limit.rlim_max == 0)
            exit(0)
        }
    }
}
