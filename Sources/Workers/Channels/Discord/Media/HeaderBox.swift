internal import Synchronization

/// The type that a file's server told, kept between the head and the end of a download.
final class HeaderBox: Sendable {
    private let value = Mutex("")

    func set(_ text: String) { value.withLock { $0 = text } }

    /// Without parameters, lower case.
    var mime: String {
        String(value.withLock { $0 }.split(separator: ";").first?.prefix(127) ?? "").lowercased().filter {
            !$0.isWhitespace
        }
    }
}
