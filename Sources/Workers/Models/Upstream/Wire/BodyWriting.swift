package import FoundationEssentials
package import IPCHub
package import Runtime

/// Writing of request bodies. Pictures are the bulk of one: they are written into it as base64 directly, so that they stand
/// in memory once as bytes and once as base64 and not a third time in a tree of values.
extension [UInt8] {
    package mutating func append(_ text: String) { append(contentsOf: text.utf8) }

    package mutating func append(_ json: JSON) { json.append(to: &self) }

    /// Base64 of `data`, without quotes.
    package mutating func append(base64 data: Data) {
        // In parts of a multiple of three bytes, so that no part but the last is padded.
        var rest = data[...]
        while !rest.isEmpty {
            append(contentsOf: rest.prefix(48 * 1024).base64EncodedData())
            rest = rest.dropFirst(48 * 1024)
        }
    }

    /// `data:image/png;base64,…` as a JSON string.
    package mutating func append(dataURL image: HubModelBlock.Image) {
        append(JSON.string("data:\(image.mime);base64,"))
        removeLast()
        append(base64: image.data)
        append("\"")
    }

    /// The members of an open array or object are divided by commas.
    package mutating func appendCommaIfNeeded() {
        if let last, last != UInt8(ascii: "["), last != UInt8(ascii: "{"), last != UInt8(ascii: ":") {
            append(UInt8(ascii: ","))
        }
    }
}

extension JSON {
    /// A count of tokens; nil when it is absent, negative or no number.
    package var tokens: UInt64? { integer.flatMap { UInt64(exactly: $0) } }

    /// What a tool takes. One that does not parse takes nothing.
    package static func schema(_ tool: HubModelTool) -> JSON {
        let schema = try? JSON(parsing: tool.inputSchema)
        return schema?.object == nil ? ["type": "object", "properties": [:]] : schema ?? ["type": "object"]
    }
}
