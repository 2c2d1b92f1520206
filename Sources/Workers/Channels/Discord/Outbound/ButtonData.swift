/// What a button bears: its data behind a mark of this worker and its place, because Discord wants every button of a message
/// to differ: `cw0.1:data`.
enum ButtonData {
    /// Discord's limit for a button's id.
    static let limit = 100

    static func id(_ data: String, row: Int, column: Int) -> String {
        String("\(Interactions.buttonPrefix)\(row).\(column):\(data)".prefix(limit))
    }

    static func data(of id: String) -> String {
        guard id.hasPrefix(Interactions.buttonPrefix), let colon = id.firstIndex(of: ":") else { return id }
        return String(id[id.index(after: colon)...])
    }
}
