import Config
import IPCControl

@testable import Plan

/// Files in memory.
struct VirtualFiles: FileReading {
    var contents: [String: [UInt8]] = [:]
    var failures: [String: String] = [:]

    init(_ texts: [String: String] = [:]) {
        contents = texts.mapValues { [UInt8]($0.utf8) }
    }

    func read(_ path: String, limit: Int) -> FileContent {
        if let failure = failures[path] { return .failed(failure) }
        guard let bytes = contents[path] else { return .missing }
        return bytes.count > limit && limit > 0 ? .failed("it is larger than \(limit) bytes") : .bytes(bytes)
    }

    func isDirectory(_ path: String) -> Bool { contents.keys.contains { $0.hasPrefix(path + "/") } }
}

/// A plan, taken apart again.
struct MadePlan {
    var blocks: [Block]
    var accepted: [String: [UInt8]]

    var settings: Block? { blocks.first { $0.type == "SETTINGS" } }
    var listen: Block? { blocks.first { $0.type == "LISTEN" } }
    var workers: [String] { blocks.filter { $0.type == "WORKER" }.compactMap { $0["ID"] } }
    var notices: [String] { blocks.filter { $0.type == "NOTICE" }.map { "\($0["LEVEL"] ?? "") \($0["TEXT"] ?? "")" } }
    var complaints: [String] { notices.filter { !$0.hasPrefix("info ") } }

    func worker(_ id: String) -> Block? { blocks.first { $0.type == "WORKER" && $0["ID"] == id } }
    func revision(_ id: String) -> String? { worker(id)?["REV"] }

    func secrets(_ id: String) -> [String: String] {
        var secrets: [String: String] = [:]
        for block in blocks where block.type == "SECRET" && block["WORKER"] == id {
            secrets[block["NAME"] ?? ""] = block["VALUE"]
        }
        return secrets
    }

    func config<Slice: Decodable>(_ id: String, as type: Slice.Type) throws -> Slice {
        let pieces = blocks.filter { $0.type == "CONFIG" && $0["WORKER"] == id }.compactMap { $0["DATA"] }
        return try decodeSlice(type, from: [UInt8](pieces.joined().utf8))
    }

    func gateway() throws -> GatewayConfig { try config("gateway", as: GatewayConfig.self) }
}

/// Plans with `/data` as the state directory. The environment has a gateway token unless one is given.
func makePlan(
    _ config: String? = nil,
    arguments: [String] = ["--allow-unconfigured"],
    environment: [String: String] = [:],
    files: [String: String] = [:]
) throws -> MadePlan {
    var texts = files
    texts["/data/openclaw.json"] = config
    var variables = environment
    if variables["OPENCLAW_GATEWAY_TOKEN"] == nil { variables["OPENCLAW_GATEWAY_TOKEN"] = "gateway-token" }
    if variables["OPENCLAW_GATEWAY_TOKEN"]?.isEmpty == true { variables["OPENCLAW_GATEWAY_TOKEN"] = nil }
    let input = PlanInput(
        arguments: ["clawhold", "gateway"] + arguments,
        paths: StatePaths(stateDirectory: "/data", configPath: "/data/openclaw.json", home: "/root"),
        environment: Environment(variables)
    )
    let plan = try Planner.plan(input, files: VirtualFiles(texts))
    return MadePlan(blocks: plan.blocks, accepted: plan.accepted)
}

/// The refusal of a start that must not succeed.
func refusal(
    _ config: String? = nil,
    arguments: [String] = [],
    environment: [String: String] = ["OPENCLAW_GATEWAY_TOKEN": ""]
) -> PlanRefusal? {
    do {
        _ = try makePlan(config, arguments: arguments, environment: environment)
        return nil
    } catch {
        return error as? PlanRefusal
    }
}

let telegramToken = "123456:ABC-def_ghi"
