/// The files of a message, as Telegram describes them.
struct MessageFiles: Decodable, Sendable {
    struct File: Decodable, Sendable {
        var fileId: String
        var fileName: String?
        var mimeType: String?
        var fileSize: Int64?
        var width: Int64?
        var height: Int64?
        var title: String?
    }

    struct Sticker: Decodable, Sendable {
        var fileId: String
        var emoji: String?
        var setName: String?
        var isAnimated: Bool?
        var isVideo: Bool?
        var fileSize: Int64?

        /// A still picture (WEBP); the others are animations that nobody here can look at.
        var isPicture: Bool { isAnimated != true && isVideo != true }
    }

    var photo: Bot.Lenient<[File]>?
    var video: Bot.Lenient<File>?
    var videoNote: Bot.Lenient<File>?
    var voice: Bot.Lenient<File>?
    var audio: Bot.Lenient<File>?
    var animation: Bot.Lenient<File>?
    var document: Bot.Lenient<File>?
    var sticker: Bot.Lenient<Sticker>?

    /// The photo in its largest size. The order of sizes is not promised.
    var largestPhoto: File? {
        func area(_ file: File) -> Int64 {
            let (area, overflow) = (file.width ?? 0).multipliedReportingOverflow(by: file.height ?? 0)
            return overflow ? 0 : area
        }
        return photo?.value?.max { (area($0), $0.fileSize ?? 0) < (area($1), $1.fileSize ?? 0) }
    }
}
