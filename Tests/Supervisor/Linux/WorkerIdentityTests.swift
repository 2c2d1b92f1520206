import Testing

@testable import Supervisor

struct WorkerIdentityTests {
    private static let owner = ProcessIdentity(uid: 1000, gid: 1000)

    @Test("each worker has a user of its own, the same in every order, and owners share theirs")
    func classes() {
        var first = WorkerIdentity(effectiveUID: 0, owner: Self.owner)
        var second = WorkerIdentity(effectiveUID: 0, owner: Self.owner)
        let names = ["channel:telegram:default", "channel:discord:default", "model:anthropic", "tunnel", "sidecar:x"]
        let uids = names.map { first.identity(for: $0, class: .own)?.uid ?? 0 }
        #expect(Set(uids).count == names.count)
        #expect(names.reversed().map { second.identity(for: $0, class: .own)?.uid ?? 0 } == uids.reversed())
        #expect(first.identity(for: "gateway", class: .owner) == Self.owner)
        #expect(
            uids.allSatisfy { $0 >= WorkerIdentity.firstUID && $0 < WorkerIdentity.firstUID + WorkerIdentity.range }
        )
        #expect(first.weaker == nil)
    }

    @Test("names that meet get different users and keep them; beyond the range they share, within it they never do")
    func collisions() {
        var identity = WorkerIdentity(effectiveUID: 0, owner: Self.owner)
        let names = (0..<Int(WorkerIdentity.range)).map { "channel:telegram:\($0)" }
        let uids = names.map { identity.identity(for: $0, class: .own)?.uid ?? 0 }
        #expect(Set(uids).count == names.count)
        #expect(names.map { identity.identity(for: $0, class: .own)?.uid ?? 0 } == uids)
        let beyond = identity.identity(for: "one more", class: .own)
        #expect(beyond.map { uids.contains($0.uid) } == true)
        #expect(identity.identity(for: "one more", class: .own) == beyond)
    }

    @Test("without root everybody stays who he is, and one line says what that costs")
    func unprivileged() {
        var identity = WorkerIdentity(effectiveUID: 1000, owner: Self.owner)
        #expect(identity.identity(for: "tunnel", class: .own) == nil)
        #expect(identity.identity(for: "gateway", class: .owner) == nil)
        #expect(identity.weaker?.contains("uid 1000") == true)
        #expect(identity.weaker?.contains("\n") == false)
        let rootOwned = WorkerIdentity(effectiveUID: 0, owner: ProcessIdentity(uid: 0, gid: 0))
        #expect(rootOwned.weaker?.contains("chown") == true)
    }

    @Test("a small user namespace has its range below its end")
    func smallMap() {
        let highest = WorkerIdentity.highestMappedUID("         0     100000      65536\n")
        #expect(highest == 65535)
        var identity = WorkerIdentity(effectiveUID: 0, owner: Self.owner, highestUID: highest)
        let uid = identity.identity(for: "tunnel", class: .own)?.uid ?? .max
        #expect(uid >= WorkerIdentity.firstUIDInSmallMap && uid <= highest)
        #expect(WorkerIdentity.highestMappedUID("         0          0 4294967295\n") == 4_294_967_294)
        #expect(WorkerIdentity.highestMappedUID("0 0 18446744073709551615\n5 5 0\nx") == .max)
        #expect(WorkerIdentity.highestMappedUID("") == .max)
    }
}
