/// Why bytes on a link are not a frame. It costs that connection and nothing else.
package enum FrameError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The length that was announced, in bytes.
    case tooLong(Int)
    case empty
    case unknownType(UInt8)
    /// The bytes are not the message that this type byte names.
    case malformed(UInt8)

    package var description: String {
        switch self {
        case .tooLong(let length): "a frame of \(length) bytes (at most \(Frame.lengthLimit))"
        case .empty: "a frame without a type"
        case .unknownType(let type): "a frame of unknown type \(type)"
        case .malformed(let type): "a frame of type \(type) that does not hold its message"
        }
    }
}
