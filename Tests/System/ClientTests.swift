import Testing

extension SystemTests {
    @Suite("Clients that we did not write", .serialized)
    struct ClientTests {
        @Test("the Python SDK and the websockets library connect, chat and stream")
        func libraries() async throws {
            let world = try await World.start()
            try await run("gateway_clients.py", ["ws://127.0.0.1:\(world.gateway.port)", Gateway.token])
        }

        @Test("a browser: token, chat, reload, workers, restarts, phone")
        func browser() async throws {
            let world = try await World.start()
            try await run("control_ui.py", ["http://127.0.0.1:\(world.gateway.port)", Gateway.token])
        }

        private func run(_ script: String, _ arguments: [String]) async throws {
            let python = try await Peers.shared.interpreter()
            let process = try ChildProcess(
                [python, Place.root + "/Tests/peers/" + script] + arguments,
                environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp"]
            )
            let status = try await process.ended(within: 120)
            #expect(status == 0, "\(process.tail())")
        }
    }
}
