/// A pattern as steps, and the machine that walks all its paths at once (Ken Thompson, Communications of the ACM 11(6),
/// 1968): no step is visited twice at one place of the text.
struct PatternProgram: Sendable {
    private enum Step: Sendable {
        case take(PatternClass)
        case either(Int, Int)
        case jump(Int)
        case check(PatternAssertion)
        case found
    }

    private var steps: [Step] = []

    /// Throws when it comes to more than `limit` steps.
    init(_ node: PatternNode, limit: Int) throws(PatternError) {
        try add(node, limit)
        steps.append(.found)
    }

    private mutating func add(_ node: PatternNode, _ limit: Int) throws(PatternError) {
        guard steps.count < limit else { throw PatternError("is too large: it repeats too much") }
        switch node {
        case .empty: break
        case .one(let set): steps.append(.take(set))
        case .assertion(let assertion): steps.append(.check(assertion))
        case .sequence(let parts): for part in parts { try add(part, limit) }
        case .choice(let branches): try add(branches[...], limit)
        case .repeated(let body, let least, let most): try add(body, least, most, limit)
        }
    }

    private mutating func add(_ branches: ArraySlice<PatternNode>, _ limit: Int) throws(PatternError) {
        guard let first = branches.first else { return }
        guard branches.count > 1 else { return try add(first, limit) }
        let fork = steps.count
        steps.append(.found)
        try add(first, limit)
        let end = steps.count
        steps.append(.found)
        steps[fork] = .either(fork + 1, steps.count)
        try add(branches.dropFirst(), limit)
        steps[end] = .jump(steps.count)
    }

    private mutating func add(_ body: PatternNode, _ least: Int, _ most: Int?, _ limit: Int) throws(PatternError) {
        for _ in 0..<least { try add(body, limit) }
        guard let most else {
            let fork = steps.count
            steps.append(.found)
            try add(body, limit)
            steps.append(.jump(fork))
            steps[fork] = .either(fork + 1, steps.count)
            return
        }
        var forks: [Int] = []
        for _ in 0..<max(0, most - least) {
            forks.append(steps.count)
            steps.append(.found)
            try add(body, limit)
        }
        for fork in forks { steps[fork] = .either(fork + 1, steps.count) }
    }

    /// At most `steps × text` work.
    func isFound(in text: PatternText) -> Bool {
        var walk = Walk(steps: steps.count)
        for position in 0...text.scalars.count {
            walk.begin()
            if enter(0, &walk, text, position) { return true }
            for step in walk.last where enter(step, &walk, text, position) { return true }
            guard position < text.scalars.count else { break }
            walk.last.removeAll(keepingCapacity: true)
            for step in walk.waiting {
                if case .take(let set) = steps[step], set.contains(text.scalars[position]) {
                    walk.last.append(step + 1)
                }
            }
        }
        return false
    }

    /// Follows everything that takes no character. True: found.
    private func enter(_ first: Int, _ walk: inout Walk, _ text: PatternText, _ position: Int) -> Bool {
        walk.open = [first]
        while let step = walk.open.popLast() {
            guard walk.visit(step) else { continue }
            switch steps[step] {
            case .found: return true
            case .take: walk.waiting.append(step)
            case .jump(let next): walk.open.append(next)
            case .either(let one, let other): walk.open += [other, one]
            case .check(let assertion):
                if assertion.holds(text.scalars, at: position) { walk.open.append(step + 1) }
            }
        }
        return false
    }

    /// Where all the paths are.
    private struct Walk {
        /// Steps that the last character led to.
        var last: [Int] = []
        /// Steps that wait for the next character.
        var waiting: [Int] = []
        var open: [Int] = []
        private var seen: [Int]
        private var round = 0

        init(steps: Int) {
            seen = Array(repeating: 0, count: steps)
        }

        mutating func begin() {
            round += 1
            waiting.removeAll(keepingCapacity: true)
        }

        mutating func visit(_ step: Int) -> Bool {
            guard seen[step] != round else { return false }
            seen[step] = round
            return true
        }
    }
}
