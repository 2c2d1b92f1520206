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
            // One byte more than wanted would belong to the event loop's reader; the opening is short and read once.
            let byte = try readByte(descriptor, until: deadline)
            decoder.append(CollectionOfOne(byte))
            guard byte == UInt8(ascii: "\n") else { continue }
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

    private static func readByte(_ descriptor: Int32, until deadline: Int64) throws(OpeningError) -> UInt8 {
        var byte: UInt8 = 0
        while true {
            let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
            if count == 1 { return byte }
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
