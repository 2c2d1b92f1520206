// swift-tools-version: 6.2
import PackageDescription

// One section per target with its tests. Sections follow the direction of imports, lowest first; arrays are sorted.
// What belongs where, and what may import what, is in docs/modules.md.

/// Applied to every Swift target of ours.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// The toolchain's lld instead of gold: 33.0 instead of 38.9 MB stripped, 1 ms less for every start of a worker, links in
/// 2 s. Relative relocations packed (glibc 2.36), equal functions folded where no address is compared, no symbols for a
/// dlopen that never comes. A hash of the content in the file: `Build.id` tells builds apart by it.
let smallExecutable: [LinkerSetting] = [
    .unsafeFlags([
        "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "--icf=safe",
        "-Xlinker", "--no-export-dynamic", "-Xlinker", "--build-id=sha1",
    ])
]

/// Optimised in debug builds as well: a million sequences of the policy's model test are a matter of minutes only so.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")

let package = Package(
    name: "clawhold",
    products: [.executable(name: "clawhold", targets: ["clawhold"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // MARK: C
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

        // MARK: TestSupport: what tests of several targets share
        .target(name: "TestSupport", path: "Tests/Support"),

        // MARK: IPCControl: blocks, lifeline, descriptors
        .target(
            name: "IPCControl",
            dependencies: ["CLinux"],
            path: "Sources/IPC/Control",
            swiftSettings: optimised
        ),
        .testTarget(name: "IPCControlTests", dependencies: ["IPCControl", "TestSupport"], path: "Tests/IPC/Control"),

        // MARK: IPCHub: frames, links
        .target(
            name: "IPCHub",
            dependencies: ["IPCControl", nioCore, protobuf],
            path: "Sources/IPC/Hub",
            exclude: ["Messages/hub.proto"]
        ),
        .testTarget(
            name: "IPCHubTests",
            dependencies: ["IPCControl", "IPCHub", nioCore, protobuf],
            path: "Tests/IPC/Hub"
        ),

        // MARK: Supervisor
        .target(name: "Supervisor", dependencies: ["CLinux", "IPCControl"], swiftSettings: optimised),
        .executableTarget(
            name: "SupervisorFixture",
            dependencies: ["CLinux", "IPCControl", "Supervisor"],
            path: "Tests/Supervisor/Fixture",
            linkerSettings: [.unsafeFlags(["-Xlinker", "--build-id=sha1"])]
        ),
        .testTarget(
            name: "SupervisorTests",
            dependencies: ["CLinux", "IPCControl", "Supervisor", "SupervisorFixture"],
            path: "Tests/Supervisor",
            exclude: ["Fixture"],
            swiftSettings: optimised
        ),

        // MARK: Config
        .target(name: "Config", dependencies: ["IPCControl"]),
        .testTarget(name: "ConfigTests", dependencies: ["Config", "TestSupport"], path: "Tests/Config"),

        // MARK: Runtime: what every worker shares
        .target(
            name: "Runtime",
            dependencies: ["CLinux", "IPCControl", "IPCHub", logging, nioCore, nioPosix, protobuf],
            path: "Sources/Workers/Runtime"
        ),
        .testTarget(
            name: "RuntimeTests",
            dependencies: ["Runtime", "TestSupport", nioEmbedded, nioPosix, protobuf],
            path: "Tests/Workers/Runtime"
        ),

        // MARK: Plan
        .target(name: "Plan", dependencies: ["CLinux", "Config", "IPCControl"], path: "Sources/Workers/Plan"),
        .testTarget(
            name: "PlanTests",
            dependencies: ["Plan", "Supervisor", "TestSupport"],
            path: "Tests/Workers/Plan"
        ),

        // MARK: Journal: the gateway's store, the only place that knows SQLite
        .target(
            name: "Journal",
            dependencies: ["CLinux", "CSQLite"],
            path: "Sources/Workers/Gateway/Journal",
            linkerSettings: [.linkedLibrary(":libsqlite3.a"), .linkedLibrary("m")]
        ),
        .testTarget(name: "JournalTests", dependencies: ["Journal", "TestSupport"], path: "Tests/Workers/Journal"),

        // MARK: Gateway
        .target(
            name: "Gateway",
            dependencies: ["Config", "Failover", "Journal", "Runtime", nioHTTP1, nioWebSocket, protobuf],
            path: "Sources/Workers/Gateway",
            exclude: ["Journal"],
            resources: [.embedInCode("ControlUI")]
        ),
        .testTarget(
            name: "GatewayTests",
            dependencies: ["Gateway", "TestSupport", nioEmbedded, protobuf],
            path: "Tests/Workers/Gateway"
        ),

        // MARK: Agent
        .target(
            name: "Agent",
            dependencies: ["Config", "Runtime", logging, nioCore, protobuf],
            path: "Sources/Workers/Agent"
        ),
        .testTarget(
            name: "AgentTests",
            dependencies: ["Agent", "Config", "TestSupport", logging, nioPosix, protobuf],
            path: "Tests/Workers/Agent"
        ),

        // MARK: Models
        .target(
            name: "ModelTestSupport",
            dependencies: ["IPCHub", "Runtime", nioCore],
            path: "Tests/Workers/Models/Support"
        ),
        .target(
            name: "Failover",
            dependencies: ["IPCHub", "Runtime", protobuf],
            path: "Sources/Workers/Models/Failover"
        ),
        .testTarget(
            name: "FailoverTests",
            dependencies: ["Failover", "IPCHub", "Runtime", "TestSupport", protobuf],
            path: "Tests/Workers/Models/Failover"
        ),
        .target(
            name: "OAuth",
            dependencies: ["Runtime", asyncHTTPClient, nioCore, nioHTTP1],
            path: "Sources/Workers/Models/OAuth"
        ),
        .testTarget(name: "OAuthTests", dependencies: ["OAuth", "Runtime"], path: "Tests/Workers/Models/OAuth"),
        .target(
            name: "Provider",
            dependencies: [
                "Config", "Failover", "IPCControl", "IPCHub", "OAuth", "Runtime", logging, protobuf,
            ],
            path: "Sources/Workers/Models/Provider"
        ),
        .testTarget(
            name: "ProviderTests",
            dependencies: [
                "Config", "Failover", "IPCHub", "ModelTestSupport", "OAuth", "Provider", "Runtime", logging, nioPosix,
                protobuf,
            ],
            path: "Tests/Workers/Models/Provider"
        ),
        .target(
            name: "ModelUpstream",
            dependencies: [
                "Config", "Failover", "IPCControl", "Runtime", asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix,
                nioSSL,
                protobuf,
            ],
            path: "Sources/Workers/Models/Upstream"
        ),
        .testTarget(
            name: "ModelUpstreamTests",
            dependencies: ["Failover", "ModelUpstream", "TestSupport", nioHTTP1, protobuf],
            path: "Tests/Workers/Models/Upstream"
        ),
        .target(
            name: "ModelAnthropic",
            dependencies: ["Config", "Failover", "ModelUpstream", "Runtime", protobuf],
            path: "Sources/Workers/Models/Anthropic"
        ),
        .target(
            name: "ModelOpenAI",
            dependencies: ["Config", "Failover", "ModelUpstream", "Runtime", protobuf],
            path: "Sources/Workers/Models/OpenAI"
        ),
        .target(
            name: "ModelGoogle",
            dependencies: ["Config", "Failover", "ModelUpstream", "Runtime", protobuf],
            path: "Sources/Workers/Models/Google"
        ),
        .target(
            name: "ModelDialects",
            dependencies: [
                "Config", "ModelAnthropic", "ModelGoogle", "ModelOpenAI", "ModelUpstream", logging, nioCore,
            ],
            path: "Sources/Workers/Models/Dialects"
        ),
        .testTarget(
            name: "ModelDialectsTests",
            dependencies: [
                "Config", "Failover", "ModelAnthropic", "ModelDialects", "ModelGoogle", "ModelOpenAI",
                "ModelTestSupport",
                "ModelUpstream", "TestSupport", asyncHTTPClient, logging, nioCore, nioPosix, protobuf,
            ],
            path: "Tests/Workers/Models/Dialects"
        ),
        .target(
            name: "ModelDemo",
            dependencies: ["Config", "Runtime", protobuf],
            path: "Sources/Workers/Models/Demo"
        ),
        .testTarget(
            name: "ModelDemoTests",
            dependencies: ["ModelDemo", protobuf],
            path: "Tests/Workers/Models/Demo"
        ),

        // MARK: Channels
        .target(
            name: "ChannelHTTP",
            dependencies: [asyncHTTPClient, nioCore, nioHTTP1, nioPosix],
            path: "Sources/Workers/Channels/HTTP"
        ),
        .testTarget(
            name: "ChannelHTTPTests",
            dependencies: ["ChannelHTTP", "TestSupport", asyncHTTPClient, nioCore, nioHTTP1, nioPosix],
            path: "Tests/Workers/Channels/HTTP"
        ),
        .target(
            name: "Discord",
            dependencies: [
                "CZlib", "ChannelHTTP", "Config", "IPCControl", "Runtime", asyncHTTPClient, logging, nioCore, nioHTTP1,
                nioPosix,
                nioSSL,
                nioWebSocket, protobuf,
            ],
            path: "Sources/Workers/Channels/Discord",
            linkerSettings: [.linkedLibrary(":libz.a")]
        ),
        .testTarget(
            name: "DiscordTests",
            dependencies: [
                "CZlib", "Discord", "IPCControl", "TestSupport", nioCore, nioHTTP1, nioPosix, nioWebSocket, protobuf,
            ],
            path: "Tests/Workers/Channels/Discord"
        ),
        .target(
            name: "Telegram",
            dependencies: ["ChannelHTTP", "Config", "Runtime", asyncHTTPClient, protobuf],
            path: "Sources/Workers/Channels/Telegram"
        ),
        .testTarget(
            name: "TelegramTests",
            dependencies: ["ChannelHTTP", "Telegram", "TestSupport", protobuf],
            path: "Tests/Workers/Channels/Telegram"
        ),

        .target(
            name: "Voice",
            dependencies: [
                "ChannelHTTP", "Config", "IPCControl", "Runtime", asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix,
                nioSSL,
                protobuf,
            ],
            path: "Sources/Workers/Channels/Voice"
        ),
        .testTarget(
            name: "VoiceTests",
            dependencies: [
                "ChannelHTTP", "Config", "IPCControl", "IPCHub", "Runtime", "TestSupport", "Voice", asyncHTTPClient,
                logging,
                nioCore,
                nioHTTP1, nioPosix, nioSSL, protobuf,
            ],
            path: "Tests/Workers/Channels/Voice"
        ),

        // MARK: Tunnel: what the outside world calls us
        .target(
            name: "Tunnel",
            dependencies: [
                "CLinux", "Config", "IPCControl", "IPCHub", "Runtime", asyncHTTPClient, logging, nioCore, nioHTTP1,
                nioPosix,
            ],
            path: "Sources/Workers/Tunnel"
        ),
        .testTarget(
            name: "TunnelTests",
            dependencies: ["Config", "Runtime", "Tunnel", asyncHTTPClient, nioCore, nioHTTP1, nioPosix],
            path: "Tests/Workers/Tunnel"
        ),

        // MARK: clawhold: the executable
        .target(
            name: "CLI",
            dependencies: [
                "CLinux", "Config", "IPCControl", "OAuth", "Runtime",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                nioCore, nioHTTP1, nioPosix, nioWebSocket,
            ]
        ),
        .testTarget(
            name: "CLITests",
            dependencies: ["CLI", "Config", "IPCControl", "OAuth", "Runtime"],
            path: "Tests/CLI"
        ),
        .executableTarget(
            name: "clawhold",
            dependencies: [
                "Agent", "CLI", "Discord", "Gateway", "ModelDemo", "ModelDialects", "Plan", "Provider", "Supervisor",
                "Telegram", "Tunnel", "Voice",
            ],
            linkerSettings: smallExecutable
        ),
        .testTarget(
            name: "SystemTests",
            dependencies: ["CLinux", "IPCControl", "TestSupport", nioCore, nioPosix, nioHTTP1, nioWebSocket],
            path: "Tests/System"
        ),
    ]
)

let cTargets: Set<String> = ["CLinux", "CSQLite", "CZlib"]
for target in package.targets where !cTargets.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + house
}
