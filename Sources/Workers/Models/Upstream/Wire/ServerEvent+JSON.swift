package import Failover
internal import FoundationEssentials
internal import IPCHub
package import Runtime

extension ServerEvent {
    /// The event's data. Throws `.cut` when it is no JSON: what was to be said here is lost.
    package func json() throws(CallFailure) -> JSON {
        do {
            return try JSON(parsing: data)
        } catch {
            throw CallFailure(
                .cut,
                "an event of the stream is not JSON: \(String(decoding: data.prefix(120), as: UTF8.self))"
            )
        }
    }

    /// The failure that an event reports after HTTP 200.
    package func failure(_ json: JSON) -> CallFailure {
        Classification.failure(status: 200, body: ErrorBody(json), now: Upstream.now)
    }
}
