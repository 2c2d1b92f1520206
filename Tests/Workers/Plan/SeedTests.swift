import Config
import IPCControl
import Testing

@testable import Plan

@Suite("The guide's examples")
struct SeedTests {
    static let complete = """
        {
          "agents": {
            "defaults": {
              "model": {
                "primary": "anthropic/claude-opus-4-6",
                "fallbacks": ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"]
              },
              "maxConcurrent": 4
            },
            "list": [{ "id": "main", "default": true }]
          },
          "auth": {
            "profiles": {
              "anthropic:default": { "mode": "token", "provider": "anthropic" },
              "openai:default": { "mode": "token", "provider": "openai" }
            }
          },
          "bindings": [{ "agentId": "main", "match": { "channel": "discord" } }],
          "channels": {
            "discord": {
              "enabled": true,
              "groupPolicy": "allowlist",
              "guilds": {
                "YOUR_GUILD_ID": { "channels": { "general": { "allow": true } }, "requireMention": false }
              }
            }
          },
          "gateway": { "mode": "local", "bind": "auto" },
          "meta": { "lastTouchedVersion": "2026.1.29" }
        }
        """

    static let voiceCall = """
        {
          "plugins": {
            "entries": {
              "voice-call": {
                "enabled": true,
                "config": {
                  "provider": "twilio",
                  "tunnel": { "provider": "ngrok" },
                  "webhookSecurity": { "allowedHosts": ["example.ngrok.app"] }
                }
              }
            }
          }
        }
        """

    @Test("the complete example is accepted without complaint, even strictly, and without --allow-unconfigured")
    func completeExample() throws {
        let plan = try makePlan(
            Self.complete,
            arguments: ["--strict-config", "--port", "3000", "--bind", "lan"],
            environment: ["ANTHROPIC_API_KEY": "sk-ant-1", "DISCORD_BOT_TOKEN": "MTA.discord.token"]
        )
        #expect(plan.complaints == [])
        #expect(try plan.gateway().file.problems == [])
        #expect(plan.workers == ["gateway", "agent:main", "channel:discord:default", "model:anthropic"])
        let route = try plan.gateway().agent("main").model
        #expect(route.primary == ModelRef(model: "anthropic/claude-opus-4-6", worker: "model:anthropic"))
        #expect(route.fallbacks[0].worker == "model:anthropic")
        #expect(route.fallbacks[1].worker == "" && route.fallbacks[1].unavailable.contains("\"openai\""))
        #expect(plan.settings?["PORT"] == "3000")
        #expect(plan.settings?["BIND_TEXT"] == "0.0.0.0")
        #expect(plan.listen?["HOST"] == "::")
        #expect(!plan.notices.contains { $0.contains("discord") })
    }

    @Test(
        "the voice-call example is accepted even strictly, and what it lacks is named (VoiceTests has it with its secrets)"
    )
    func voiceCallExample() throws {
        let plan = try makePlan(
            Self.voiceCall,
            arguments: ["--allow-unconfigured", "--strict-config"],
            environment: ["ANTHROPIC_API_KEY": "k"]
        )
        #expect(
            plan.complaints == [
                "warn voice calls are off: twilio needs TWILIO_ACCOUNT_SID (or twilio.accountSid) and "
                    + "TWILIO_AUTH_TOKEN (or twilio.authToken)"
            ]
        )
    }

    @Test("the guide's command on a machine without a file starts, with Telegram from the environment alone")
    func firstDeploy() throws {
        let plan = try makePlan(
            nil,
            arguments: ["--allow-unconfigured", "--port", "3000", "--bind", "lan"],
            environment: [
                "OPENCLAW_STATE_DIR": "/data", "ANTHROPIC_API_KEY": "sk-ant-1", "TELEGRAM_BOT_TOKEN": telegramToken,
                "NODE_ENV": "production", "OPENCLAW_PREFER_PNPM": "1", "NODE_OPTIONS": "--max-old-space-size=1536",
            ]
        )
        #expect(plan.complaints == [])
        #expect(plan.workers == ["gateway", "agent:main", "channel:telegram:default", "model:anthropic"])
        #expect(plan.secrets("gateway") == ["GATEWAY_TOKEN": "gateway-token"])
        #expect(plan.secrets("channel:telegram:default") == ["TELEGRAM_BOT_TOKEN": telegramToken])
        #expect(plan.secrets("model:anthropic") == ["PROFILE_1": "sk-ant-1"])
        let access = try #require(try plan.gateway().channels.first)
        #expect(access.dmPolicy == .pairing && access.allowFrom == [] && access.groupPolicy == .allowlist)
        #expect(try plan.gateway().agent("main").model.primary.worker == "model:anthropic")
        #expect(plan.blocks.last?.type == "END")
        let secrets = ["sk-ant-1", telegramToken, "gateway-token"]
        for block in plan.blocks where block.type != "SECRET" {
            let text = String(decoding: try block.encoded(), as: UTF8.self)
            #expect(!secrets.contains { text.contains($0) }, "a secret stands in a \(block.type) block")
        }
    }
}
