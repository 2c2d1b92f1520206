/// A place in the tree: keys, and indices as numbers.
package struct ConfigPath: Sendable, Hashable, CustomStringConvertible, ExpressibleByArrayLiteral {
    package var parts: [String]

    package init(_ parts: [String] = []) {
        self.parts = parts
    }

    package init(arrayLiteral elements: String...) {
        parts = elements
    }

    /// Dotted, as OpenClaw writes it.
    package var description: String { parts.joined(separator: ".") }

    /// Whether this is `other` or lies within it.
    package func isWithin(_ other: ConfigPath) -> Bool {
        parts.starts(with: other.parts)
    }

    package static func + (path: ConfigPath, part: String) -> ConfigPath {
        ConfigPath(path.parts + [part])
    }
}
