/// voicecall.*: telephone calls (spec/channels-voice-tunnel.md 3.8); `list` is ours (`docs/rpc.md`).
enum VoiceMethods {
    static let all =
        ["initiate", "start", "continue", "continue.start", "continue.result", "speak", "end", "dtmf"]
        .map { method("voicecall.\($0)", .write) } + ["status", "list"].map { method("voicecall.\($0)", .read) }

    private static func method(_ name: String, _ scope: Scope) -> Method {
        Method(name, scope) { context, _, params in
            let calls = VoiceCalls(config: context.config, desk: context.conversations, clock: context.clock)
            do throws(RPCError) {
                return .success(try await VoiceRequest.run(name, params, calls))
            } catch {
                // OpenClaw's plugin tells its failures in the payload.
                return RPCAnswer(payload: ["error": .string(error.message)], error: error)
            }
        }
    }
}
