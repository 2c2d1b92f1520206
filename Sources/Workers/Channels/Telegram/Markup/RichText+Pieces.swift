extension RichText {
    /// Cuts the text into pieces of at most `limit` units: between lines where there is one in the second half of a piece,
    /// then between words, never inside a character.
    ///
    /// White space at a cut is dropped; a text of nothing else has no pieces.
    func pieces(_ limit: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = skip(from: 0)
        while start < count {
            var end = count
            if count - start > limit {
                end = cut(start, limit)
            }
            var last = end
            while last > start, Self.isSpace(units[last - 1]) { last -= 1 }
            if last > start { result.append(start..<last) }
            start = skip(from: max(end, start + 1))
        }
        return result
    }

    private func skip(from start: Int) -> Int {
        var position = start
        // Indentation behind a line break belongs to what follows.
        while position < count, Self.isSpace(units[position]) { position += 1 }
        guard position < count else { return count }
        while position > start, units[position - 1] != 0x0A { position -= 1 }
        return position
    }

    private func cut(_ start: Int, _ limit: Int) -> Int {
        let end = start + limit
        let middle = start + limit / 2
        for separator in [UInt16(0x0A), 0x20] {
            if let place = units[middle..<end].lastIndex(of: separator) { return place + 1 }
        }
        // Back to the last place between two characters: a cluster is at most some dozen units long.
        let text = String(decoding: units[middle..<min(end + 64, count)], as: UTF16.self)
        var place = middle
        for character in text {
            let next = place + character.utf16.count
            if next > end { break }
            place = next
        }
        if place > middle { return place }
        return UTF16.isTrailSurrogate(units[end]) ? end - 1 : end
    }

    static func isSpace(_ unit: UInt16) -> Bool { unit == 0x20 || unit == 0x0A || unit == 0x0D || unit == 0x09 }
}
