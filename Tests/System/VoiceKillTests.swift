import Glibc
import IPCControl
import TestSupport
import Testing

extension SystemTests {
    /// What a call must survive: no record lost, nobody called twice, and nobody else notices.
    @Suite("Telephone calls and kill -9", .serialized)
    struct VoiceKillTests {
        private static let worker = Telephone.worker

        @Test(
            "the voice worker killed at any moment of a live call: its record ends, the next call is answered, nobody else notices"
        )
        func anyMoment() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world(on: [.telegram])
            let others = ["gateway", World.telegramWorker]
            for id in others { try await world.gateway.worker(id) }
            var before: [pid_t] = []
            for id in others { before.append(try await world.gateway.pid(of: id)) }
            let client = try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
            var random = SplitMix(seed: 7)
            for round in 0..<Extent.of(5, full: 20) {
                try await telephone.ready(world)
                let calls = try await telephone.calls.count
                let isInbound = round % 2 == 0
                var sid = ""
                if isInbound {
                    let says: [JSONValue] = (0..<8).map { "word-\(round)-\($0)-end" }
                    sid = try await telephone.call(says: says)
                } else {
                    let says: [JSONValue] = (0..<8).map { "word-\(round)-\($0)-end" }
                    try await telephone.answer(says: says, hangsUp: true)
                    let params: JSONValue = [
                        "to": .string(Telephone.ada), "message": "round-\(round)", "mode": "conversation",
                        "idempotencyKey": "round-\(round)",
                    ]
                    #expect(try await client.request("voicecall.initiate", params)["ok"] == true)
                    sid = try await telephone.sid(ofCall: calls + 1)
                }
                // Before it is greeted, while it talks, when it is over.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0..<600, using: &random)))
                try await world.gateway.kill(Self.worker)
                _ = try await telephone.ended(sid, within: 60)
                try await telephone.ready(world)
                // A call that the worker never heard of has no record; every other one's ends, though its status was missed.
                try await eventually(within: 60, "round \(round): the record of \(sid) never ended") {
                    let record = try await Telephone.record(client, sid)
                    return record.map { Telephone.ends.contains($0["state"]?.string ?? "") } ?? isInbound
                }
                #expect(try await telephone.calls.count == calls + 1, "round \(round): somebody was called again")
                for word in 0..<8 {
                    let said = "word-\(round)-\(word)-end"
                    #expect(try world.transcript("user", containing: said).count <= 1, "\(said) counted twice")
                }
                let next = try await telephone.call(says: ["after-\(round)-end"])
                try await telephone.heard("after-\(round)-end", in: next, within: 40)
                _ = try await telephone.ended(next)
            }
            for (id, pid) in zip(others, before) { #expect(try await world.gateway.pid(of: id) == pid, "\(id)") }
            #expect(try await client.request("health")["ok"] == true, "the same connection")
            #expect(try await world.ask("still-there").contains("still-there"))
            let list = try await client.request("voicecall.list", ["limit": 100])["payload"]?["calls"]?.array ?? []
            #expect(list.allSatisfy { Telephone.ends.contains($0["state"]?.string ?? "") }, "\(list)")
            #expect(try await telephone.violations == [])
            #expect(try await world.gateway.stop() == 0)
        }

        /// A place in the life of an outbound call where the power is cut.
        struct Place: Sendable, CustomTestStringConvertible {
            var worker: String
            var point: String
            /// The provider was never asked.
            var isBefore: Bool { point == "dial.before-call" }
            var testDescription: String { "\(point)@\(worker)" }
            var armed: String { "\(point)@\(worker):1" }
        }

        static let places: [Place] =
            ["dial.before-call", "dial.after-call", "call.before-save", "call.after-save"].map {
                Place(worker: Telephone.worker, point: $0)
            } + ["call.before-commit", "call.after-commit"].map { Place(worker: "gateway", point: $0) }

        @Test(
            "at every place where a call is dialled and kept: called at most once, and its record says how it went",
            arguments: places,
            Telephone.Provider.allCases
        )
        func killPoint(_ place: Place, _ provider: Telephone.Provider) async throws {
            let telephone = try await Telephone(provider)
            let world = try await telephone.world(on: [.telegram], killPoints: [place.armed])
            try await world.gateway.worker(World.telegramWorker)
            let other = try await world.gateway.pid(of: World.telegramWorker)
            let gateway = try await world.gateway.pid(of: "gateway")
            let params: JSONValue = [
                "to": .string(Telephone.ada), "message": "power-cut", "idempotencyKey": "key-1", "mode": "notify",
            ]
            // A client as they are: what is not answered is asked again with the same key.
            var id = ""
            try await eventually(within: 60, "initiate was never answered") {
                guard
                    let client = try? await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token),
                    let answer = try? await client.request("voicecall.initiate", params, within: 20)
                else { return false }
                id = answer["payload"]?["callId"]?.string ?? ""
                return answer["ok"] == true || answer["error"] != nil
            }
            try await world.gateway.process.line(containing: "\(place.worker) died: killed by SIGKILL", within: 20)
            try await telephone.ready(world)
            let client = try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
            var last: JSONValue?
            try await eventually(within: 90, "the call has no end: \(last?.text ?? "no record")") {
                let list = try await client.request("voicecall.list", ["limit": 10])["payload"]?["calls"]?.array ?? []
                last = list.first
                // Cut before anything was kept, and not asked again: there was no call.
                return list.isEmpty
                    ? try await telephone.calls.isEmpty && id.isEmpty
                    : list.allSatisfy { Telephone.ends.contains($0["state"]?.string ?? "") }
            }
            #expect(try await telephone.calls.count <= 1, "called twice")
            #expect(try await telephone.dialled <= 1, "dialled twice")
            if place.isBefore { #expect(try await telephone.calls.isEmpty) }
            for call in try await telephone.calls {
                let sid = call["sid"]?.string ?? ""
                _ = try await telephone.ended(sid, within: 60)
                // Twilio lists the call that it made without our knowing; Telnyx cannot be asked for one without its name.
                let isFound = last?["providerCallId"]?.string == sid && last?["state"]?.string != "error"
                #expect(isFound || (provider == .telnyx && last?["state"] == "error"), "\(last?.text ?? "none")")
            }
            #expect(try await world.gateway.pid(of: World.telegramWorker) == other)
            if place.worker != "gateway" { #expect(try await world.gateway.pid(of: "gateway") == gateway) }
            let next = try await telephone.call(says: ["afterwards"])
            try await telephone.heard("afterwards", in: next, within: 40)
            #expect(try await world.ask("still-there").contains("still-there"))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("the gateway killed in the middle of a call: the caller is answered all the same, once")
        func gatewayDies() async throws {
            let telephone = try await Telephone()
            let world = try await telephone.world()
            let voice = try await world.gateway.pid(of: Self.worker)
            let sid = try await telephone.call(says: ["one-fish"], hangsUp: false)
            try await telephone.heard("one-fish", in: sid)
            try await world.gateway.kill("gateway")
            try await telephone.say("two-fish", in: sid)
            try await telephone.heard("two-fish", in: sid, within: 60)
            #expect(try await telephone.heard(sid).filter { $0.contains("two-fish") }.count == 1)
            #expect(try await world.gateway.pid(of: Self.worker) == voice)
            try await telephone.server.post("hangup", ["call": .string(sid)])
            let client = try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
            _ = try await Telephone.record(client, sid, in: Telephone.ends, within: 60)
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
