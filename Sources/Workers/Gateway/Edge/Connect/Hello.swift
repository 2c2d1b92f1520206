internal import Config
internal import NIOCore

/// The payload of `hello-ok` (spec/gateway-protocol.md 1.7), a closed object: nothing of ours may be added.
struct Hello {
    let config: GatewayConfig
    let caller: Caller
    let presence: WireValue
    let health: WireValue
    let version: StateVersion
    let uptimeMilliseconds: Int64
    let limits: EdgeLimits

    var payload: WireValue {
        [
            "type": "hello-ok",
            "protocol": .integer(caller.protocolVersion),
            "server": ["version": .string(config.version), "connId": .string(caller.connectionID)],
            "features": [
                "methods": .array(MethodTable.names.map(WireValue.string)),
                "events": .array(MethodTable.events.map(WireValue.string)),
            ],
            "snapshot": snapshot,
            // Protocol 3 has it for proven devices only.
            "auth": caller.protocolVersion < 4
                ? nil
                : ["role": .string(caller.role.rawValue), "scopes": .array(caller.scopes.map(WireValue.string))],
            "policy": [
                "maxPayload": .number(limits.messageBytes),
                "maxBufferedBytes": .number(limits.unsentBytes),
                "tickIntervalMs": .integer(limits.tick.nanoseconds / 1_000_000),
            ],
        ]
    }

    private var snapshot: WireValue {
        let mainKey = config.session.mainKey
        let isGlobal = config.session.scope == .global
        return [
            "presence": presence,
            "health": health,
            "stateVersion": version.wire,
            "uptimeMs": .integer(uptimeMilliseconds),
            "configPath": .nonEmpty(config.configPath),
            "stateDir": .nonEmpty(config.stateDirectory),
            "sessionDefaults": [
                "defaultAgentId": .string(config.defaultAgent),
                "mainKey": .string(mainKey),
                "mainSessionKey": .string(isGlobal ? "global" : "agent:\(config.defaultAgent):\(mainKey)"),
                "scope": .string(config.session.scope.rawValue),
            ],
        ]
    }
}
