/// The type of a file by its first bytes, which count more than anything its sender says.
package enum MediaType {
    /// Bytes from the front that `sniffed` wants to see.
    package static let headBytes = 16

    /// The pictures that models take.
    package static let pictures: Set<String> = ["image/png", "image/jpeg", "image/gif", "image/webp"]

    /// The type by magic bytes; nil when they say nothing.
    package static func sniffed(_ head: some Collection<UInt8>) -> String? {
        let head = Array(head.prefix(headBytes))
        func has(_ bytes: [UInt8], at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: bytes) }
        func says(_ text: String, at offset: Int = 0) -> Bool { has(Array(text.utf8), at: offset) }
        if has([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if has([0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if says("GIF87a") || says("GIF89a") { return "image/gif" }
        if says("RIFF"), says("WEBP", at: 8) { return "image/webp" }
        if says("RIFF"), says("WAVE", at: 8) { return "audio/wav" }
        if says("%PDF-") { return "application/pdf" }
        if says("OggS") { return "audio/ogg" }
        if says("fLaC") { return "audio/flac" }
        if says("ID3") || has([0xFF, 0xFB]) || has([0xFF, 0xF3]) { return "audio/mpeg" }
        if says("ftypM4A", at: 4) { return "audio/mp4" }
        if says("ftypqt", at: 4) { return "video/quicktime" }
        if says("ftyp", at: 4) { return "video/mp4" }
        if has([0x1A, 0x45, 0xDF, 0xA3]) { return "video/webm" }
        if has([0x50, 0x4B, 0x03, 0x04]) { return "application/zip" }
        if has([0x1F, 0x8B]) { return "application/gzip" }
        return nil
    }
}
