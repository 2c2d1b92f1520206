package import IPCControl

/// Why a worker cannot start: what is wrong with the opening of its lifeline.
package enum OpeningError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The role was started by hand, not by a supervisor.
    case noLifeline
    case ended
    case late
    case malformed(BlockError)
    case missing(String)
    case unexpected(String)
    case tooMuch

    package var description: String {
        switch self {
        case .noLifeline:
            "this role is started by the supervisor only (type `clawhold gateway` to start it all)"
        case .ended: "the supervisor closed the lifeline before it had said all"
        case .late: "the supervisor did not finish the opening of the lifeline in 10 s"
        case .malformed(let error): "the lifeline is malformed: \(error)"
        case .missing(let key): "the opening of the lifeline has no usable \(key)"
        case .unexpected(let type): "the opening of the lifeline has a \(type) block out of place"
        case .tooMuch: "the opening of the lifeline is larger than \(Opening.sizeLimit) bytes"
        }
    }
}
