internal import Glibc

/// A user to run as, without supplementary groups.
package struct ProcessIdentity: Hashable, Sendable {
    package var uid: UInt32
    package var gid: UInt32

    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }
}

/// The user class that the plan gives a worker.
package enum UserClass: String, Hashable, Sendable {
    /// The owner of the state directory: gateway, agents, plan.
    case owner
    /// A user of its own, that owns nothing: channels, models, tunnel, sidecars.
    case own
}

/// Which user a worker runs as.
package struct WorkerIdentity: Sendable {
    /// First of the uids for workers. Above what distributions, systemd's dynamic users (61184…65519) and the usual
    /// user-namespace maps for one container (up to 65535) hand out, so it does not exist elsewhere; a container whose
    /// map ends at 65535 falls back, see `init`.
    package static let firstUID: UInt32 = 0x6377_0000
    /// For a user namespace that maps only 65536 ids.
    package static let firstUIDInSmallMap: UInt32 = 58_000
    /// So many workers have a user of their own; ids beyond share by number, which stays deterministic.
    package static let range: UInt32 = 1000

    private let privileged: Bool
    private let owner: ProcessIdentity
    private let first: UInt32
    /// The slots that were given out.
    private(set) var assigned: [String: UInt32] = [:]

    /// One log line about what is weaker than it could be, or nil.
    package let weaker: String?

    /// - Parameters:
    ///   - effectiveUID: of the supervisor.
    ///   - owner: of the state directory.
    ///   - highestUID: the largest uid that the user namespace maps, from /proc/self/uid_map.
    package init(effectiveUID: UInt32, owner: ProcessIdentity, highestUID: UInt32 = .max) {
        self.owner = owner
        privileged = effectiveUID == 0
        first = highestUID >= Self.firstUID + Self.range ? Self.firstUID : Self.firstUIDInSmallMap
        if effectiveUID != 0 {
            weaker =
                "not started as root: all workers run as uid \(effectiveUID), so one that is taken over can signal the "
                + "others; start as root to give each a user of its own"
        } else if owner.uid == 0 {
            weaker =
                "the state directory belongs to root: gateway and agents run as uid 0 without capabilities; "
                + "`chown -R 1000:1000` it to run them as an ordinary user"
        } else {
            weaker = nil
        }
    }

    /// For this process and this state directory.
    package init(stateDirectory: String) throws(Errno) {
        var facts = stat()
        try Errno.retrying("stat", stateDirectory) { stat(stateDirectory, &facts) }
        self.init(
            effectiveUID: geteuid(),
            owner: ProcessIdentity(uid: facts.st_uid, gid: facts.st_gid),
            highestUID: Self.highestMappedUID((try? SystemFile.text("/proc/self/uid_map")) ?? "")
        )
    }

    /// Goes on with the users that another image of this supervisor gave out.
    mutating func adopt(_ users: [String: UInt32]) {
        assigned = users
    }

    /// The user for `worker`, or nil: stays who the supervisor is.
    ///
    /// An own uid is decided by the name alone as far as possible, so that it is the same in every plan and after every
    /// restart; two names that meet get neighbours, in the order in which they are first asked for.
    package mutating func identity(for worker: String, class userClass: UserClass) -> ProcessIdentity? {
        guard privileged else { return nil }
        switch userClass {
        case .owner: return owner
        case .own:
            let uid = first + slot(for: worker)
            return ProcessIdentity(uid: uid, gid: uid)
        }
    }

    private mutating func slot(for worker: String) -> UInt32 {
        if let known = assigned[worker] { return known }
        // FNV-1a; Swift's own hash differs with every start.
        let hash = worker.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        var slot = hash % Self.range
        let taken = Set(assigned.values)
        if taken.count < Int(Self.range) {
            while taken.contains(slot) { slot = (slot + 1) % Self.range }
            assigned[worker] = slot
        }
        return slot
    }

    /// The largest id in the text of a uid_map; everything when it cannot be read.
    package static func highestMappedUID(_ map: String) -> UInt32 {
        var highest: UInt64?
        for line in map.split(separator: "\n") {
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count == 3, numbers[2] > 0 else { continue }
            highest = max(highest ?? 0, numbers[0].addingReportingOverflow(numbers[2] - 1).partialValue)
        }
        return highest.map { UInt32(clamping: $0) } ?? .max
    }
}
