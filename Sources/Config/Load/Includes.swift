/// `$include`: other files within an object (rules of OpenClaw).
///
/// What cannot be included makes its object `broken`, so that the part which needed it is off rather than half there.
struct Includes<Files: FileReading> {
    static var depthLimit: Int { 10 }
    /// Files in all; with the limits of each, this bounds memory.
    static var fileLimit: Int { 32 }

    let files: Files
    private var opened = 0

    init(files: Files) {
        self.files = files
    }

    /// Resolves every include in a tree that was read from `file` (absolute).
    func resolve(_ value: ConfigValue, file: String) -> ConfigValue {
        var copy = self
        return copy.resolve(value, chain: [file])
    }

    private mutating func resolve(_ value: ConfigValue, chain: [String]) -> ConfigValue {
        var result = value
        switch value.kind {
        case .array(let elements):
            result.kind = .array(elements.map { resolve($0, chain: chain) })
        case .object(let object):
            var siblings = ConfigObject()
            for var member in object.members where member.key != "$include" {
                member.value = resolve(member.value, chain: chain)
                siblings.set(member)
            }
            result.kind = .object(siblings)
            guard let include = object["$include"] else { break }
            result = merged(
                include,
                siblings: siblings.members.isEmpty ? nil : result,
                at: value.position,
                chain: chain
            )
        case .null, .bool, .number, .string, .broken: break
        }
        return result
    }

    private mutating func merged(
        _ include: ConfigValue,
        siblings: ConfigValue?,
        at position: ConfigPosition,
        chain: [String]
    ) -> ConfigValue {
        let names: [String]
        if let name = include.string {
            names = [name]
        } else if let list = include.array, list.allSatisfy({ $0.string != nil }) {
            names = list.compactMap(\.string)
        } else {
            let text = "Invalid $include value: expected string or array of strings, got \(include.kindName)"
            return ConfigValue(.broken(text), at: position)
        }
        var result: ConfigValue?
        for name in names {
            let value = read(name, at: position, chain: chain)
            if case .broken = value.kind { return value }
            result = result.map { Self.merge($0, value) } ?? value
        }
        var whole = result ?? ConfigValue(.object(ConfigObject()), at: position)
        if let siblings {
            guard whole.object != nil else {
                return ConfigValue(.broken("Sibling keys require included content to be an object"), at: position)
            }
            whole = Self.merge(whole, siblings)
        }
        return whole
    }

    private mutating func read(_ name: String, at position: ConfigPosition, chain: [String]) -> ConfigValue {
        func broken(_ text: String) -> ConfigValue { ConfigValue(.broken(text), at: position) }
        let directory = chain.last?.split(separator: "/").dropLast().joined(separator: "/") ?? ""
        let path = StatePaths.absolute(name, home: "", currentDirectory: "/" + directory)
        guard !chain.contains(path) else {
            return broken("Circular include detected: \((chain + [path]).joined(separator: " -> "))")
        }
        guard chain.count <= Self.depthLimit else {
            return broken("Maximum include depth (\(Self.depthLimit)) exceeded at: \(path)")
        }
        opened += 1
        guard opened <= Self.fileLimit else { return broken("more than \(Self.fileLimit) files are included") }
        switch files.read(path, limit: JSON5Limits().size) {
        case .missing: return broken("Failed to read include file: \(name) (resolved: \(path)): it does not exist")
        case .failed(let reason): return broken("Failed to read include file: \(name) (resolved: \(path)): \(reason)")
        case .bytes(let bytes):
            do {
                return resolve(try JSON5Parser.parse(bytes), chain: chain + [path])
            } catch {
                return broken("Failed to parse include file: \(name) (resolved: \(path)): \(error)")
            }
        }
    }

    /// Objects merge, arrays concatenate, of two others the later one wins.
    static func merge(_ first: ConfigValue, _ second: ConfigValue) -> ConfigValue {
        var result = second
        if var object = first.object, let later = second.object {
            for var member in later.members {
                if let earlier = object[member.key] { member.value = merge(earlier, member.value) }
                object.set(member)
            }
            result.kind = .object(object)
        } else if let array = first.array, let later = second.array {
            result.kind = .array(array + later)
        }
        return result
    }
}
