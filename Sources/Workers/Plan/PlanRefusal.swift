/// Why the gateway does not start: the exit code and the words for standard error.
package struct PlanRefusal: Error, Sendable, Equatable {
    package var code: Int32
    package var text: String

    package init(code: Int32, text: String) {
        self.code = code
        self.text = text
    }
}
