/// The keys of `clawhold.json`: what OpenClaw has no word for.
enum ClawholdSchema {
    static let root = Shape.object([
        "$schema": .string,
        "memory": .object(["reserve": .either(.integer(0...1_048_576), .percentage), "workers": .map(budget)]),
        "sidecars": .map(
            .object([
                "command": .either(.string, .strings),
                "env": .either(.map(.string), .strings),
                "memory": budget,
                "restart": .choice(["always", "on-failure", "never"]),
                "user": .choice(["own", "owner"]),
                "ready": .object(["line": .string, "port": .integer(1...65535)]),
                "enabled": .bool,
            ])
        ),
        "channels": .object([
            "discord": .object(["apiRoot": .string]),
            "telegram": .object(["apiRoot": .string, "pacing": .bool]),
        ]),
        "alerts": .object([
            "enabled": .bool,
            "off": .list(
                .choice(["quarantine", "memory", "dead-letter", "parked", "key", "billing", "spend", "disk", "expired"])
            ),
            "everyMinutes": .integer(1...10_080),
        ]),
        "tunnel": .object([
            "provider": .choice(["none", "ngrok", "tailscale-serve", "tailscale-funnel", "cloudflared"]),
            "authToken": .string,
            "domain": .string,
            "command": .string,
            "port": .integer(1...65535),
            "httpsPort": .integer(443...10000),
            "socket": .string,
            "hostname": .string,
            "expose": .list(.either(.string, .object(["path": .string, "port": .integer(1...65535)]))),
        ]),
        "voice": .object(["apiRoot": .string, "language": .string]),
        "messages": .object(["maxAgeHours": .integer(0...8760)]),
        "demo": .object(["charactersPerSecond": .integer(0...100_000)]),
        "models": .object([
            "timeouts": .object([
                "connectMs": milliseconds, "headMs": milliseconds, "firstContentMs": milliseconds,
                "idleMs": milliseconds, "totalMs": milliseconds,
            ]),
            "prices": .map(
                .object(["input": .number, "output": .number, "cacheRead": .number, "cacheWrite": .number])
            ),
            "endpoint": .object(["enabled": .bool, "maxConcurrent": .integer(1...1024)]),
            "spend": .object([
                "perDayUSD": .number,
                "perAgent": .map(.number),
                "then": .choice(["stop", "cheaper"]),
                "cheaperModel": .string,
                "warnAt": .number,
            ]),
        ]),
    ])

    /// Up to a day.
    private static let milliseconds = Shape.integer(1...86_400_000)

    /// Mebibytes, or a part of the total of machine or container.
    private static let budget = Shape.object(["soft": amount, "hard": amount])
    private static let amount = Shape.either(.integer(8...1_048_576), .percentage)
}
