internal import FoundationEssentials

/// The bytes of a worker's CONFIG: JSON with sorted keys, so that equal configurations have equal bytes and equal REVs.
package func encodeSlice(_ slice: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(slice))
}

/// A worker's CONFIG from the bytes that came over its lifeline.
///
/// Throws when the plan and the worker disagree about the shape, which means two different builds.
package func decodeSlice<Slice: Decodable>(_ type: Slice.Type, from bytes: [UInt8]) throws -> Slice {
    try JSONDecoder().decode(type, from: Data(bytes))
}
