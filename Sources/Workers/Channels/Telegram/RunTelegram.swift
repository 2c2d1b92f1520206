package import Runtime

/// Runs the worker of one Telegram account (`channel:telegram:<account>`) to its end.
///
/// Its CONFIG is `TelegramConfig` of the module Config, the bot's token the secret `TELEGRAM_BOT_TOKEN`.
package func runTelegram(_ start: WorkerStart) -> Never {
    runChannel(start) { worker in
        TelegramNetwork(
            settings: try TelegramSettings(decoding: worker.start.config),
            token: worker.start.secrets["TELEGRAM_BOT_TOKEN"] ?? "",
            group: worker.group,
            log: worker.log
        )
    }
}
