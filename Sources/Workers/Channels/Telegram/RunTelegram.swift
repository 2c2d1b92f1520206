internal import IPCControl
package import Runtime

/// Runs the worker of one Telegram account (`channel:telegram:<account>`) to its end.
///
/// Its CONFIG is `TelegramConfig` of the module Config, the bot's token the secret `TELEGRAM_BOT_TOKEN`, the webhook's the
/// secret `TELEGRAM_WEBHOOK_SECRET`.
package func runTelegram(_ start: WorkerStart) -> Never {
    runChannel(start) { worker in
        TelegramNetwork(
            settings: try TelegramSettings(decoding: worker.start.config),
            token: worker.start.secrets["TELEGRAM_BOT_TOKEN"] ?? "",
            webhookSecret: worker.start.secrets["TELEGRAM_WEBHOOK_SECRET"] ?? "",
            owner: worker.start.id.rawValue,
            group: worker.group,
            log: worker.log,
            fetch: { media, limit, piece in
                _ = try await MediaFetch.open(worker, media, limit: limit, within: .seconds(120), chunk: piece)
            }
        )
    }
}
