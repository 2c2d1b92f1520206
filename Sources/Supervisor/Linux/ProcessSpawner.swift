internal import CLinux
internal import Glibc

/// Starts processes through the C shim, all of them: no other code in the supervisor may fork.
///
/// Call it from one thread that lives as long as the supervisor: the parent-death signal is tied to the thread.
package struct ProcessSpawner: ~Copyable {
    /// Our own executable, opened once: an upgrade of the file on disk does not mix builds, and no worker's user needs
    /// to be able to walk to it.
    private let executable: Descriptor

    /// The loan for `SpawnRequest.Executable.descriptor`.
    package var ownExecutable: Int32 { executable.raw }

    package init() throws(Errno) {
        do {
            executable = try Descriptor.open("/proc/self/exe", O_RDONLY)
        } catch {
            // Without /proc, the path that we were started by; it may have been replaced since, which is better than
            // not to start.
            guard let path = clinux_executable_path() else { throw error }
            executable = try Descriptor.open(String(cString: path), O_RDONLY)
        }
    }

    /// Reads the executable once, so that its pages are in the page cache and charged to nobody's budget: on cgroup v1
    /// and v2 a page belongs to the group that touched it first.
    ///
    /// - Returns: the size in bytes.
    @discardableResult
    package borrowing func warmExecutable() throws(Errno) -> Int {
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        let raw = executable.raw
        var offset = 0
        while true {
            let size = buffer.count
            let count = try Errno.retrying("read", "/proc/self/exe") { pread(raw, &buffer, size, offset) }
            if count == 0 { return offset }
            offset += count
        }
    }

    package borrowing func spawn(_ request: SpawnRequest) throws(SpawnError) -> SpawnedProcess {
        try Self.spawn(request)
    }

    /// The same without an executable of our own.
    package static func spawn(_ request: SpawnRequest) throws(SpawnError) -> SpawnedProcess {
        let subject = request.arguments.first ?? "process"
        for text in request.arguments + request.environment where text.utf8.contains(0) {
            throw SpawnError(step: "arguments", cause: Errno(EINVAL, "NUL in an argument", subject))
        }
        var arguments = request.arguments.map { strdup($0) }
        var environment = request.environment.map { strdup($0) }
        defer {
            arguments.forEach { free($0) }
            environment.forEach { free($0) }
        }
        guard arguments.allSatisfy({ $0 != nil }), environment.allSatisfy({ $0 != nil }) else {
            throw SpawnError(step: "arguments", cause: Errno(ENOMEM, "copy", subject))
        }
        arguments.append(nil)
        environment.append(nil)
        var result = clinux_spawn_result()
        let code = call(request, arguments, environment, &result)
        guard code == 0 else {
            let step = String(cString: clinux_spawn_step_name(result.step))
            throw SpawnError(step: step, cause: Errno(-code, step, subject))
        }
        if result.oom_score_set == 0, let score = request.oomScoreAdjustment {
            // In the child the file belongs to root as long as it shares the memory of a supervisor that is not
            // dumpable; since exec it is its own.
            let path = "/proc/\(result.pid)/oom_score_adj"
            result.oom_score_set = (try? SystemFile.write("\(score)", to: path)) == nil ? 0 : 1
        }
        return SpawnedProcess(
            pid: result.pid,
            owning: result.pidfd < 0 ? nil : result.pidfd,
            oomScoreApplied: result.oom_score_set != 0
        )
    }

    private static func call(
        _ request: SpawnRequest,
        _ arguments: [UnsafeMutablePointer<CChar>?],
        _ environment: [UnsafeMutablePointer<CChar>?],
        _ result: inout clinux_spawn_result
    ) -> Int32 {
        let executable: (fd: Int32, path: String) =
            switch request.executable {
            case .descriptor(let fd): (fd, "")
            case .path(let path): (-1, path)
            }
        return executable.path.withCString { path in
            withOptionalCString(request.directory) { directory in
                arguments.withUnsafeBufferPointer { arguments in
                    environment.withUnsafeBufferPointer { environment in
                        request.descriptors.withUnsafeBufferPointer { descriptors in
                            request.memoryEntries.withUnsafeBufferPointer { entries in
                                guard let arguments = arguments.baseAddress, let environment = environment.baseAddress,
                                    let descriptors = descriptors.baseAddress
                                else { return -EINVAL }
                                var shim = limits(of: request)
                                shim.executable = executable.fd
                                shim.path = path
                                shim.directory = directory
                                shim.arguments = arguments
                                shim.environment = environment
                                shim.descriptors = descriptors
                                shim.descriptor_count = request.descriptors.count
                                shim.cgroups = entries.baseAddress
                                shim.cgroup_count = entries.count
                                return clinux_spawn(&shim, &result)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func limits(of request: SpawnRequest) -> clinux_spawn_request {
        var shim = clinux_spawn_request()
        shim.oom_score_adj = request.oomScoreAdjustment.map { Int64(min(max($0, -1000), 1000)) } ?? .min
        // Cores would carry secrets onto a volume.
        shim.limit_core = 0
        shim.limit_stack = max(request.stackLimitBytes, 64 * 1024)
        shim.limit_data = request.dataLimitBytes.map { max($0, 0) } ?? .min
        shim.limit_tasks = request.taskLimit.map { max($0, 1) } ?? .min
        shim.limit_files = max(request.fileLimit, 16)
        if let identity = request.identity {
            shim.change_identity = true
            shim.uid = identity.uid
            shim.gid = identity.gid
        }
        shim.new_session = true
        shim.die_with_parent = request.diesWithSupervisor
        shim.drop_privileges = request.dropsPrivileges
        return shim
    }

    private static func withOptionalCString<Result>(
        _ text: String?,
        _ body: (UnsafePointer<CChar>?) -> Result
    ) -> Result {
        guard let text else { return body(nil) }
        return text.withCString { body($0) }
    }
}
