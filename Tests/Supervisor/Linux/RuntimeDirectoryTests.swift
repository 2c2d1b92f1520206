import Glibc
import Testing

@testable import Supervisor

struct RuntimeDirectoryTests {
    @Test("both levels can be entered by every user and listed by none")
    func modes() throws {
        let base = TemporaryDirectory().file("clawhold")
        let parent = TemporaryDirectory()
        let directory = try RuntimeDirectory.make(base: parent.file("clawhold"), hash: "01234567", uid: geteuid())
        #expect(directory.path == parent.file("clawhold/01234567"))
        for path in [parent.file("clawhold"), directory.path] {
            var facts = stat()
            #expect(stat(path, &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o711)
        }
        // Again, with what is there.
        #expect(try RuntimeDirectory.make(base: parent.file("clawhold"), hash: "01234567", uid: geteuid()) == directory)
        try directory.letList(group: getegid())
        var facts = stat()
        #expect(stat(parent.file("clawhold"), &facts) == 0 && facts.st_mode & 0o777 == 0o751)
        // The next start takes it back, until its service says so again.
        #expect(try RuntimeDirectory.make(base: parent.file("clawhold"), hash: "01234567", uid: geteuid()) == directory)
        #expect(stat(parent.file("clawhold"), &facts) == 0 && facts.st_mode & 0o777 == 0o711)
        _ = try ListeningSocket.unix(path: directory.controlSocket, mode: 0o600)
        directory.removeSockets()
        #expect(SystemFile.names(in: parent.file("clawhold")).isEmpty)
        // A parent that is gone is an error, not a path.
        #expect(throws: Errno.self) { try RuntimeDirectory.make(base: base, hash: "01234567", uid: geteuid()) }
    }

    @Test(
        "sockets that killed supervisors left are removed by the next one, never those of one that lives or just begins"
    )
    func deadNeighbours() throws {
        let parent = TemporaryDirectory()
        func make(_ hash: String) throws -> RuntimeDirectory {
            try .make(base: parent.file("clawhold"), hash: hash, uid: geteuid())
        }
        let (own, living, dead, lived) = (
            try make("00000000"), try make("11111111"), try make("2222222f"), try make("33333333")
        )
        let listener = try ListeningSocket.unix(path: living.controlSocket, mode: 0o600)
        for other in [own, dead, lived] {
            _ = try ListeningSocket.unix(path: other.controlSocket, mode: 0o600)
            _ = try ListeningSocket.unix(path: other.hubSocket, mode: 0o666)
        }
        // What a program left in its home is not ours to throw away.
        mkdir("\(lived.path)/home-x", 0o700)
        // No name that we give.
        mkdir(parent.file("clawhold/2222222g"), 0o711)
        _ = try ListeningSocket.unix(path: parent.file("clawhold/2222222g/control.sock"), mode: 0o600)
        own.removeDeadNeighbours()
        #expect(access(dead.controlSocket, F_OK) == 0)
        own.removeDeadNeighbours(wallSeconds: time(nil) + 61)
        #expect(
            SystemFile.names(in: parent.file("clawhold")).sorted() == ["00000000", "11111111", "2222222g", "33333333"]
        )
        #expect(SystemFile.names(in: lived.path) == ["home-x"])
        #expect(SystemFile.names(in: own.path).sorted() == ["control.sock", "hub.sock"])
        #expect(access(parent.file("clawhold/2222222g/control.sock"), F_OK) == 0)
        #expect(listener.fd >= 0 && access(living.controlSocket, F_OK) == 0)
    }

    @Test("what somebody else made, or can write to, or links elsewhere, is refused")
    func hijack() throws {
        let parent = TemporaryDirectory()
        let base = parent.file("clawhold")
        mkdir(base, 0o711)
        if Requirement.isRoot {
            chown(base, 64321, 64321)
            let foreign = #expect(throws: Errno.self) {
                try RuntimeDirectory.make(base: base, hash: "01234567", uid: geteuid())
            }
            #expect(foreign?.description == "use (it belongs to uid 64321) \(base): Operation not permitted (EPERM)")
            chown(base, geteuid(), getegid())
        }
        chmod(base, 0o777)
        #expect(throws: Errno.self) { try RuntimeDirectory.make(base: base, hash: "01234567", uid: geteuid()) }
        chmod(base, 0o700)
        symlink(parent.path, "\(base)/01234567")
        let link = #expect(throws: Errno.self) {
            try RuntimeDirectory.make(base: base, hash: "01234567", uid: geteuid())
        }
        #expect(link?.code == ENOTDIR || link?.code == ELOOP)
    }

    @Test("root uses /run, others what their session gives them, all of them /tmp at last")
    func bases() {
        #expect(RuntimeDirectory.bases(uid: 0) { _ in "/run/user/0" } == ["/run/clawhold", "/tmp/clawhold-0"])
        let user = RuntimeDirectory.bases(uid: 1000) { $0 == "XDG_RUNTIME_DIR" ? "/run/user/1000" : nil }
        #expect(user == ["/run/user/1000/clawhold", "/tmp/clawhold-1000"])
        #expect(RuntimeDirectory.bases(uid: 1000) { _ in nil } == ["/tmp/clawhold-1000"])
        #expect(RuntimeDirectory.bases(uid: 1000) { _ in "relative" } == ["/tmp/clawhold-1000"])
        let long = "/" + String(repeating: "x", count: 80)
        #expect(RuntimeDirectory.bases(uid: 1000) { _ in long } == ["/tmp/clawhold-1000"])
    }

    @Test("the pointer can be read by every user and is replaced as a whole")
    func pointer() throws {
        let state = TemporaryDirectory()
        var pointer = RuntimePointer(
            pid: 7,
            port: 3000,
            controlSocket: "/run/clawhold/x/control.sock",
            rpcSocket: "/run/clawhold/x/rpc.sock",
            version: "1 \"a\""
        )
        try pointer.write(to: state.path)
        pointer.pid = 8
        let before = umask(0o077)
        try pointer.write(to: state.path)
        umask(before)
        #expect(
            try SystemFile.text(state.file("gateway.runtime.json"))
                == #"{"pid":8,"port":3000,"controlSocket":"/run/clawhold/x/control.sock","#
                + #""rpcSocket":"/run/clawhold/x/rpc.sock","version":"1 \"a\""}"# + "\n"
        )
        var facts = stat()
        #expect(stat(state.file("gateway.runtime.json"), &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o644)
        #expect(SystemFile.names(in: state.path) == ["gateway.runtime.json"])
    }
}
