import Glibc

/// Where things are, found from this file and from the test bundle.
enum Place {
    /// The executable that this build made, beside the test bundle.
    static func executable() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { throw TestFailure("cannot read /proc/self/exe") }
        let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The runner is either the bundle itself or a tool of the toolchain that was given the bundle's path.
        for path in [own] + CommandLine.arguments where path.contains("/.build/") {
            let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            for depth in 0..<2 {
                let candidate = (directory.dropLast(depth) + ["clawhold"]).joined(separator: "/")
                if access(candidate, X_OK) == 0, !isDirectory(candidate) { return candidate }
            }
        }
        throw TestFailure("clawhold is not beside the test bundle: run swift build first")
    }

    /// The root of the package.
    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(
        separator: "/"
    )

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

/// The Python environment with the independent clients and servers; made at first use, which takes half a minute.
actor Peers {
    static let shared = Peers()
    private var python: String?

    func interpreter() async throws -> String {
        if let python { return python }
        let setup = try ChildProcess(
            ["/bin/sh", Place.root + "/Tests/peers/setup.sh"],
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root"].merging(proxies) { $1 }
        )
        guard try await setup.ended(within: 300) == 0, let path = setup.lines.items.last else {
            throw TestFailure("Tests/peers/setup.sh failed:\n\(setup.tail())")
        }
        python = path
        return path
    }

    /// Where pip finds its packages may be said by the environment.
    private var proxies: [String: String] {
        var found: [String: String] = [:]
        for name in [
            "PIP_INDEX_URL", "PIP_CERT", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "HOME",
        ] {
            if let value = getenv(name) { found[name] = String(cString: value) }
        }
        return found
    }

    /// Starts one of the scripts in Tests/peers and waits for its `READY port=N`.
    func start(_ script: String, _ arguments: [String]) async throws -> (ChildProcess, UInt16) {
        let python = try await interpreter()
        let process = try ChildProcess(
            [python, Place.root + "/Tests/peers/" + script] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
        )
        let ready = try await process.line(containing: "READY port=")
        guard let port = ready.split(separator: "=").last.flatMap({ UInt16($0) }) else {
            throw TestFailure("\(script) did not say its port: \(ready)")
        }
        return (process, port)
    }
}
