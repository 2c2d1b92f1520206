package import Runtime

/// Runs the worker of one Discord account (`channel:discord:<account>`) to its end.
///
/// Its CONFIG is `DiscordConfig` of the module Config, the bot's token the secret `DISCORD_BOT_TOKEN`.
package func runDiscord(_ start: WorkerStart) -> Never {
    runChannel(start) { worker in
        DiscordNetwork(
            config: try decodeSettings(worker.start.config),
            token: worker.start.secrets["DISCORD_BOT_TOKEN"] ?? "",
            worker: worker
        )
    }
}
