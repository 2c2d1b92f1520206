internal import Glibc

/// What a provider's program finds in its environment: what it needs to run, what it is given, and nothing of ours.
enum ChildEnvironment {
    static func make(_ own: [String: String] = [:]) -> [String: String] {
        var variables = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            // Its settings are ours to make: a file in somebody's home would change what it does.
            "HOME": "/nonexistent",
        ]
        // The last is how the supervisor knows whose process it is.
        for name in ["PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "CLAWHOLD_WORKER"] {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        return variables.merging(own) { $1 }
    }
}
