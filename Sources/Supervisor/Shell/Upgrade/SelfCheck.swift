internal import CLinux
internal import Glibc
internal import IPCControl

/// What an executable says of itself before it becomes the supervisor: that it starts here, whose version it is, and
/// that it understands the state it would get.
enum SelfCheck {
    /// A program that takes longer to say that hangs.
    static let limit = Duration.seconds(5)
    static let outputLimit = 8 * 1024
    /// Where the state is.
    static let descriptor: Int32 = 3

    /// The answer of this build.
    static func answer(readsState: Bool) -> Block {
        Block(
            "SELF_CHECK",
            [
                "FORMAT": UpgradeState.format, "BUILD": Build.id, "VERSION": Build.version,
                "STATE": readsState ? "read" : "none",
            ]
        )
    }

    /// Who it is, or why it will not be executed.
    static func judge(_ output: [UInt8], _ exit: ExitFacts) throws(NewExecutable.Refusal) -> (
        build: String, version: String
    ) {
        guard exit.exitCode == 0 else {
            let words = String(decoding: output.suffix(400), as: UTF8.self).split(whereSeparator: \.isNewline).last
            throw .init(description: "its self-check ended with \(exit)\(words.map { ": \($0)" } ?? "")")
        }
        var decoder = BlockDecoder()
        decoder.append(output)
        guard let answer = (try? decoder.next()) ?? nil, answer.type == "SELF_CHECK" else {
            throw .init(description: "it did not answer `self-check`: it is no Clawhold, or one without live upgrade")
        }
        guard answer["FORMAT"] == UpgradeState.format, answer["STATE"] == "read" else {
            throw .init(
                description: "it hands on its state as \"\((answer["FORMAT"] ?? "").prefix(80))\", this one as "
                    + "\"\(UpgradeState.format)\": stop this gateway and start the new one"
            )
        }
        return (answer["BUILD"] ?? "", answer["VERSION"] ?? "")
    }
}

/// The role `self-check`: reads the state on descriptor 3, if there is one, and says who it is.
package func runSelfCheck() -> Int32 {
    let hasState = clinux_is_sealed(SelfCheck.descriptor)
    do {
        if hasState { _ = try StateReader.read(try StateFile.bytes(of: SelfCheck.descriptor)) }
        let bytes = try SelfCheck.answer(readsState: hasState).encoded()
        return bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) } == bytes.count ? 0 : 74
    } catch {
        let bytes = Array("\(error)\n".utf8)
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        return 1
    }
}
