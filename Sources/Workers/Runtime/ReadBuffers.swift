package import NIOCore

/// What a connection reads into. NIO keeps one such buffer for every connection that is open, used or not: what most frames and
/// events fit in, and it grows with what comes.
package enum ReadBuffers {
    /// Bytes at first (NIO's own figure is 2048), and at most.
    package static let allocator = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536)
}
