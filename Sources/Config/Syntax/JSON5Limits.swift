/// What a configuration file may cost us, however hostile it is.
package struct JSON5Limits: Sendable {
    /// Bytes of the file.
    package var size = 4 << 20
    /// Objects and arrays inside each other; also bounds the parser's own stack.
    package var depth = 64
    /// Values in all; at some 50 bytes each, this bounds memory.
    package var values = 1 << 18

    package init() {}
}
