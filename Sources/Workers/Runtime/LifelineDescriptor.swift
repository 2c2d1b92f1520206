internal import Glibc
internal import IPCControl

/// The lifeline before there is an event loop: read with plain system calls, because the prologue must come before the
/// first thread.
package enum LifelineDescriptor {
    /// The number that the supervisor hands every worker its lifeline under.
    package static let number: Int32 = 3

    /// Reads the opening up to GO and not a byte further. Gives up after 10 s.
    package static func readOpening(from descriptor: Int32 = number) throws(OpeningError) -> WorkerStart {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { throw .noLifeline }
        var opening = Opening()
        var decoder = BlockDecoder()
        let deadline = milliseconds() + 10_000
        while true {
            // What comes after the opening belongs to the event loop's reader: not a byte more than a line is taken.
            let line = try readLine(descriptor, until: deadline)
            decoder.append(line)
            guard line.last == UInt8(ascii: "\n") else { continue }
            do {
                guard let block = try decoder.next() else { continue }
                if let start = try opening.read(block) { return start }
            } catch let error as OpeningError {
                throw error
            } catch let error as BlockError {
                throw .malformed(error)
            } catch {
                throw .ended
            }
        }
    }

    /// The rest of a line with its end, or what there is of it. Looked at before it is taken: byte by byte, an opening
    /// costs a thousand and a half system calls.
    private static func readLine(_ descriptor: Int32, until deadline: Int64) throws(OpeningError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK))
            if count > 0 {
                let end = buffer[..<count].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? count
                let taken = recv(descriptor, &buffer, end, Int32(MSG_DONTWAIT))
                guard taken > 0 else { throw .ended }
                return Array(buffer[..<taken])
            }
            if count == 0 { throw .ended }
            guard errno == EAGAIN || errno == EINTR else { throw .ended }
            let left = deadline - milliseconds()
            guard left > 0 else { throw .late }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, Int32(clamping: left))
        }
    }

    private static func milliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
