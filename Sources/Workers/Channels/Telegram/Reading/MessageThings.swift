/// What a message carries that is neither text nor file: said in words.
struct MessageThings: Decodable, Sendable {
    struct Location: Decodable, Sendable {
        var latitude: Double
        var longitude: Double
        var horizontalAccuracy: Double?
        var livePeriod: Int64?
    }

    struct Venue: Decodable, Sendable {
        var location: Location
        var title: String
        var address: String?
    }

    struct Contact: Decodable, Sendable {
        var phoneNumber: String
        var firstName: String?
        var lastName: String?
    }

    struct Poll: Decodable, Sendable {
        struct Option: Decodable, Sendable {
            var text: String
        }
        var question: String
        var options: [Option]?
    }

    struct Dice: Decodable, Sendable {
        var emoji: String?
        var value: Int64
    }

    struct Named: Decodable, Sendable {
        var title: String?
    }

    var venue: Bot.Lenient<Venue>?
    var location: Bot.Lenient<Location>?
    var contact: Bot.Lenient<Contact>?
    var poll: Bot.Lenient<Poll>?
    var dice: Bot.Lenient<Dice>?
    var game: Bot.Lenient<Named>?
    var story: Bot.Present?
    var checklist: Bot.Lenient<Named>?

    /// One line or more, as a person would say it; "" when there is no such thing.
    var words: String {
        if let venue = venue?.value {
            let address = venue.address.map { ", \($0)" } ?? ""
            return "📍 \(venue.title)\(address) (\(Self.degrees(venue.location)))"
        }
        if let place = location?.value {
            let accuracy = place.horizontalAccuracy.flatMap { Int64(exactly: $0.rounded()) }.map { " ±\($0) m" } ?? ""
            let kind = place.livePeriod == nil ? "📍" : "📍 live location:"
            return "\(kind) \(Self.degrees(place))\(accuracy)"
        }
        if let contact = contact?.value {
            let name = [contact.firstName, contact.lastName].compactMap { $0 }.filter { !$0.isEmpty }
            return "[contact: \((name + [contact.phoneNumber]).joined(separator: " "))]"
        }
        if let poll = poll?.value {
            return (["[poll: \(poll.question)]"] + (poll.options ?? []).prefix(32).map { "- \($0.text)" })
                .joined(separator: "\n")
        }
        if let dice = dice?.value { return "[\(dice.emoji ?? "🎲") shows \(dice.value)]" }
        if let game { return "[game: \(game.value?.title ?? "")]" }
        if let checklist { return "[checklist: \(checklist.value?.title ?? "")]" }
        return story == nil ? "" : "[a story was forwarded]"
    }

    /// Five decimals are a metre; finer ones are noise.
    private static func degrees(_ place: Location) -> String {
        func number(_ value: Double) -> String {
            guard value.isFinite, abs(value) <= 360 else { return "?" }
            return String((value * 100_000).rounded() / 100_000)
        }
        return "\(number(place.latitude)), \(number(place.longitude))"
    }
}
