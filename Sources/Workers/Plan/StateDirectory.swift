internal import Config
internal import Glibc

/// The state directory, and the user that it belongs to.
enum StateDirectory {
    /// Makes sure that it is there; a new one is for its owner alone.
    static func prepare(_ path: String) throws(PlanRefusal) {
        var at = ""
        for part in path.split(separator: "/") {
            at += "/" + part
            if mkdir(at, at == path ? 0o700 : 0o755) != 0, errno != EEXIST, errno != EROFS, errno != EACCES,
                errno != EISDIR
            {
                break
            }
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw refusal(path, Output.lastError()) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw refusal(path, "it is not a directory") }
    }

    /// Root becomes the owner of the directory before it parses any file. A directory of root's own changes nothing.
    static func becomeOwner(of path: String) throws(PlanRefusal) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw refusal(path, Output.lastError()) }
        guard status.st_uid != 0 else { return }
        guard setgroups(0, nil) == 0, setgid(status.st_gid) == 0, setuid(status.st_uid) == 0 else {
            throw PlanRefusal(
                code: 1,
                text:
                    "Gateway failed to start: cannot become user \(status.st_uid), the owner of \(path): \(Output.lastError())"
            )
        }
    }

    /// What is to be said about a directory whose content the next start of the container will not find; nil when it will.
    static func forgetful(_ path: String, _ surroundings: Surroundings, _ mounts: MountTable) -> String? {
        guard surroundings.forgets, !mounts.keeps(path) else { return nil }
        let cure =
            switch surroundings {
            case .fly:
                "mount the volume there: [mounts] destination = \"\(path)\" in fly.toml, or OPENCLAW_STATE_DIR = \"/data\" in [env]"
            case .container, .machine:
                "mount a volume there: docker run -v clawhold:\(path) …, or set OPENCLAW_STATE_DIR to where one is mounted"
            }
        return
            "the state directory \(path) is no mount point: configuration and conversations are gone with this container; "
            + cure
    }

    private static func refusal(_ path: String, _ reason: String) -> PlanRefusal {
        PlanRefusal(
            code: 1,
            text: "Gateway failed to start: the state directory \(path) cannot be used: \(reason).\n"
                + "Create it for this user, or set OPENCLAW_STATE_DIR to a directory that can be written."
        )
    }
}
