/// One HTTP request of a dialect, under the provider's base address.
package struct WireRequest: Sendable {
    /// Begins with a slash.
    package var path: String
    /// Besides what every request has; the operator's own headers are put over these.
    package var headers: [(name: String, value: String)]
    package var body: Body
    package var contentType = "application/json"
    /// What the provider is asked to answer with.
    package var form = Form.events

    package enum Body: Sendable {
        case bytes([UInt8])
        /// Pieces that are sent one after another and are never copied into one.
        case pieces([ArraySlice<UInt8>])
    }

    package enum Form: Sendable {
        case events
        /// One JSON value.
        case whole
    }

    package init(path: String, headers: [(name: String, value: String)], body: Body) {
        self.path = path
        self.headers = headers
        self.body = body
    }
}
