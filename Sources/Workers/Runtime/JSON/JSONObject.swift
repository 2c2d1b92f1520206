/// The members of a JSON object in the order in which they were written.
///
/// Of a key that stands twice the last one counts, as in every JavaScript reader of the same files.
package struct JSONObject: Sendable, Equatable {
    package private(set) var members: [Member]

    /// One member.
    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: JSON

        package init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    package init(members: [Member] = []) {
        self.members = members
    }

    /// The value of `key`.
    ///
    /// A new key is put at the end; nil removes it.
    package subscript(key: String) -> JSON? {
        get { members.last { $0.key == key }?.value }
        set {
            guard let newValue else {
                members.removeAll { $0.key == key }
                return
            }
            if let index = members.lastIndex(where: { $0.key == key }) {
                members[index].value = newValue
            } else {
                members.append(Member(key: key, value: newValue))
            }
        }
    }
}
