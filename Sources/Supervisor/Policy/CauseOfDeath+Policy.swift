internal import IPCControl

extension CauseOfDeath {
    /// It ended by itself, with code 0.
    var isCleanExit: Bool { cause == .exit && exitCode == 0 }
}
