/// The body of a relayed request: where its few members stand that matter here. Nothing else of it is looked at.
package struct RelayBody: Sendable {
    package let bytes: [UInt8]
    /// Where the value of `model` stands.
    package private(set) var model: Range<Int>?
    package private(set) var isStream = false
    package private(set) var hasStreamOptions = false
    /// Behind the opening brace.
    private var inside = 0
    private var isEmpty = true

    /// nil: this is no JSON object. Only its outermost members are read.
    package init?(_ bytes: [UInt8]) {
        self.bytes = bytes
        do throws(RawJSON.Failure) {
            try read()
        } catch {
            return nil
        }
    }

    private mutating func read() throws(RawJSON.Failure) {
        var cursor = RawJSONCursor(bytes, 0..<bytes.count)
        try cursor.expect("{")
        inside = cursor.position
        isEmpty = try cursor.peek() == UInt8(ascii: "}")
        guard !isEmpty else {
            try cursor.expect("}")
            return try cursor.finish()
        }
        repeat {
            let key = try cursor.string()
            try cursor.expect(":")
            let value = try cursor.value()
            switch bytes[key] {
            case let name where name.elementsEqual("model".utf8): model = value
            case let name where name.elementsEqual("stream".utf8): isStream = bytes[value].elementsEqual("true".utf8)
            case let name where name.elementsEqual("stream_options".utf8): hasStreamOptions = true
            default: break
            }
        } while try cursor.separator(closing: "}")
        try cursor.finish()
    }

    /// The model as the client names it; nil when it is no string.
    package var modelName: String? {
        model.flatMap { try? JSON(parsing: Array(bytes[$0])) }?.string
    }

    /// The body with another model's name, and perhaps with a wish to be told the counts.
    package func pieces(model name: String, asksForUsage: Bool) -> [ArraySlice<UInt8>] {
        let quoted = JSON.string(name).encoded()
        var options = asksForUsage ? Array(#""stream_options":{"include_usage":true}"#.utf8) : []
        guard let model else {
            let member = Array(#""model":"#.utf8) + quoted
            options = (options.isEmpty ? member : member + [UInt8(ascii: ",")] + options)
            if !isEmpty { options.append(UInt8(ascii: ",")) }
            return [bytes[..<inside], options[...], bytes[inside...]]
        }
        if !options.isEmpty { options.append(UInt8(ascii: ",")) }
        return [
            bytes[..<inside], options[...], bytes[inside..<model.lowerBound], quoted[...], bytes[model.upperBound...],
        ]
    }
}
