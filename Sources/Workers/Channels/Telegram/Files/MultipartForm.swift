internal import NIOCore

/// A form with one file (RFC 7578), sent piece by piece. Everything but the file's own bytes is known beforehand.
struct MultipartForm: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let boundary: String
    private let head: [UInt8]
    private let tail: [UInt8]
    private let file: Handover

    /// - Parameters:
    ///   - fields: name and value; names are ours.
    ///   - name: the file's name as its sender said it: anything.
    init(fields: [(String, String)], field: String, name: String, mime: String, boundary: String, file: Handover) {
        self.boundary = boundary
        self.file = file
        var text = ""
        for (key, value) in fields {
            text += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(key)\"\r\n\r\n\(value)\r\n"
        }
        text +=
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(field)\"; filename=\"\(Self.quoted(name))\"\r\n"
        text += "Content-Type: \(Self.isMime(mime) ? mime : "application/octet-stream")\r\n\r\n"
        head = Array(text.utf8)
        tail = Array("\r\n--\(boundary)--\r\n".utf8)
    }

    /// Bytes around the file.
    var overhead: Int { head.count + tail.count }

    /// A name that cannot end its line or its quotes, at most 120 characters; "file" when nothing is left of it.
    static func quoted(_ name: String) -> String {
        let safe = name.split(separator: "/").last.map(String.init) ?? ""
        let kept = safe.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F && $0 != "\"" && $0 != "\\" }
        let text = String(String(String.UnicodeScalarView(kept)).prefix(120))
        return text.isEmpty ? "file" : text
    }

    private static func isMime(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && text.utf8.count <= 100
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy { byte in
                        let scalar = Unicode.Scalar(byte)
                        return scalar.isASCII
                            && (scalar.properties.isAlphabetic || "0123456789.+-_".unicodeScalars.contains(scalar))
                    }
            }
    }

    func makeAsyncIterator() -> Iterator { Iterator(form: self) }

    struct Iterator: AsyncIteratorProtocol {
        private enum Part {
            case head
            case file
            case end
        }
        private let form: MultipartForm
        private var part = Part.head

        fileprivate init(form: MultipartForm) { self.form = form }

        mutating func next() async throws -> ByteBuffer? {
            switch part {
            case .head:
                part = .file
                return ByteBuffer(bytes: form.head)
            case .file:
                if let piece = try await form.file.next() { return ByteBuffer(bytes: piece) }
                part = .end
                return ByteBuffer(bytes: form.tail)
            case .end: return nil
            }
        }
    }
}
