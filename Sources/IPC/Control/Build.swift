/// Which Clawhold this is.
package enum Build {
    /// The version people see, dotted like OpenClaw's because its clients parse it so.
    package static let version = "2026.11.1"
    /// Workers of another build are told to leave and come back new.
    package static let id = "clawhold-" + version
}
