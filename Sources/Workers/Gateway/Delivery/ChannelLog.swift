internal import Logging
internal import Runtime

/// Log lines of the engine under the name of what they are about: a channel's under the channel's.
struct ChannelLog: Sendable {
    let gateway: Logger

    func write(_ line: DeliveryLog) {
        let logger =
            line.subsystem == "gateway"
            ? gateway : Logger(label: line.subsystem) { _ in LineLogHandler(subsystem: line.subsystem) }
        switch line.level {
        case .info: logger.info("\(line.text)")
        case .warning: logger.warning("\(line.text)")
        case .error: logger.error("\(line.text)")
        }
    }
}
