package import IPCHub

/// Why a link to the gateway came to nothing.
package enum HubLinkError: Error, Sendable, CustomStringConvertible {
    /// The gateway answered HELLO with GOODBYE.
    case refused(HubGoodbye.Reason, String)
    /// The other side ended it.
    case closed
    case malformed(FrameError)
    /// A frame that does not belong there, by its type.
    case unexpected(UInt8)

    package var description: String {
        switch self {
        case .refused(_, let text): text.isEmpty ? "the gateway refused the link" : text
        case .closed: "the link was closed"
        case .malformed(let error): "malformed: \(error)"
        case .unexpected(let type): "a frame of type \(type) is out of place"
        }
    }
}
