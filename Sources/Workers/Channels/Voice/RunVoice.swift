internal import Config
internal import FoundationEssentials
internal import IPCControl
package import Runtime

/// Runs the worker of telephone calls (`channel:voice-call:default`) to its end.
///
/// Its CONFIG is `VoiceConfig` of the module Config, its secrets `TWILIO_AUTH_TOKEN`, or `TELNYX_API_KEY` and
/// `TELNYX_PUBLIC_KEY`.
package func runVoice(_ start: WorkerStart) -> Never {
    runChannel(start) { worker in
        VoiceNetwork(
            settings: try VoiceSettings(decoding: worker.start.config),
            secrets: worker.start.secrets,
            group: worker.group,
            ports: VoiceDesk.Ports(
                now: { Int64(Date().timeIntervalSince1970 * 1000) },
                token: { String(UInt64.random(in: .min ... .max), radix: 36) },
                loop: worker.eventLoop,
                log: worker.log,
                reach: { worker.reach($0) }
            )
        )
    }
}
