/// What strangers wrote, made fit for a log line, a reason, a notice: names may hold anything.
enum Shown {
    /// On one line, without what controls a terminal or turns the direction of writing, cut to `limit` characters.
    static func text(_ text: String, limit: Int = 64) -> String {
        var shown = String.UnicodeScalarView()
        var last: Unicode.Scalar = " "
        // A character may be made of any number of scalars.
        for scalar in text.unicodeScalars.prefix(limit * 4) {
            let kept: Unicode.Scalar = isSafe(scalar) ? scalar : " "
            if kept == " ", last == " " { continue }
            shown.append(kept)
            last = kept
        }
        if shown.last == " " { shown.removeLast() }
        let whole = String(shown)
        return whole.count <= limit ? whole : whole.prefix(limit - 1) + "…"
    }

    /// An id that can be typed as it is: nothing in it is hidden, and it is not cut.
    static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 128
            && text.unicodeScalars.allSatisfy { isSafe($0) && $0 != "\"" && $0 != "\\" }
    }

    private static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
