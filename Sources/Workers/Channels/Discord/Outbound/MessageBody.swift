internal import IPCHub
internal import Runtime

/// The JSON of a message as it goes out.
struct MessageBody {
    var content: HubOutgoing
    /// The text, at most 2,000 UTF-16 units.
    var text: String
    /// The message that is answered.
    var reply: String?
    var nonce: String
    /// Names of the files that go along.
    var files: [String] = []

    /// 5 rows of 5 buttons.
    static let rowLimit = 5

    /// For POST /channels/{id}/messages.
    var message: JSON {
        var object = base
        if !nonce.isEmpty {
            object["nonce"] = .string(String(nonce.prefix(25)))
            object["enforce_nonce"] = true
        }
        if let reply {
            object["message_reference"] = ["message_id": .string(reply), "fail_if_not_exists": false]
        }
        return .object(object)
    }

    /// For what answers an interaction: it knows neither nonce nor reference.
    var answer: JSON { .object(base) }

    private var base: JSONObject {
        var object = JSONObject()
        if !text.isEmpty { object["content"] = .string(text) }
        // Nobody is pinged by what a model writes but the one who is answered.
        object["allowed_mentions"] = ["parse": [], "replied_user": true]
        if !content.buttons.isEmpty { object["components"] = components }
        if !files.isEmpty {
            object["attachments"] = .array(
                files.enumerated().map { ["id": .integer(Int64($0.offset)), "filename": .string($0.element)] }
            )
        }
        return object
    }

    private var components: JSON {
        .array(
            content.buttons.filter { !$0.buttons.isEmpty }.prefix(Self.rowLimit).enumerated().map { row, line in
                [
                    "type": 1,
                    "components": .array(
                        line.buttons.prefix(5).enumerated().map { column, button in
                            [
                                "type": 2, "style": 2,
                                "label": .string(
                                    String((button.label.isEmpty ? button.data : button.label).prefix(80))
                                ),
                                "custom_id": .string(ButtonData.id(button.data, row: row, column: column)),
                            ]
                        }
                    ),
                ]
            }
        )
    }
}
