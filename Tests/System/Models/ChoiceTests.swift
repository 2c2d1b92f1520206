import Testing

extension SystemTests {
    @Suite("Choosing a model and logging in at the terminal", .serialized)
    struct ChoiceTests {
        /// Two letters of base64 around claims that name an account: the token of a ChatGPT subscription as far as anybody looks.
        private static let token =
            "h.eyJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9hY2NvdW50X2lkIjoiYWNjLTcifX0.s-mark-of-this-test"

        private static func text(_ world: World) throws -> String {
            String(decoding: try world.gateway.state.read("openclaw.json"), as: UTF8.self)
        }

        private static func command(_ world: World, _ line: String) throws -> ChildProcess {
            try ChildProcess(
                ["/bin/sh", "-c", "\(line) --state-dir '\(world.gateway.state.path)'"],
                environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "CLAWHOLD": try Place.executable()]
            )
        }

        /// Leaves `alpha` as it is, and of `provider` its address and `more`: no key.
        private static func strip(_ setup: inout Gateway.Setup, _ provider: String, _ more: [String: JSONValue]) {
            let entries = setup.config?["models"]?["providers"]
            var stripped = more
            stripped["baseUrl"] = entries?[provider]?["baseUrl"] ?? .null
            setup.config = setup.config?.with(
                "models",
                "providers",
                value: .object(["alpha": entries?["alpha"] ?? .null, provider: .object(stripped)])
            )
        }

        @Test("models set: another model answers the next message, and the file keeps its comments")
        func choice() async throws {
            let world = try await World.start(
                models: [TestProvider("alpha", .chat), TestProvider("beta", .anthropic)],
                on: [.telegram]
            )
            #expect(try await world.ask("first").contains("first"))
            #expect(try await world.model.calls().last?["provider"] == "alpha")
            let path = "openclaw.json"
            try world.gateway.state.write(path, "// by hand\n" + Self.text(world))
            let page = try await Terminal.type(world, "models", "set", "beta/test-2")
            #expect(page.code == 0 && page.text.contains("alpha/test-1 → beta/test-2"), "\(page.text)")
            #expect(page.text.contains("taken it over"), "\(page.text)")
            #expect(try await world.ask("second").contains("second"))
            let last = try await world.model.calls().last
            #expect(last?["provider"] == "beta" && last?["model"] == "test-2", "\(last?.text ?? "")")
            let text = try Self.text(world)
            #expect(text.hasPrefix("// by hand\n") && text.contains("beta/test-2"), "\(text)")
            let wrong = try await Terminal.type(world, "models", "set", "gamma/x")
            #expect(wrong.code == 2 && wrong.text.contains("Nobody knows a provider \"gamma\""), "\(wrong.text)")
            let keyless = try await Terminal.type(world, "models", "set", "groq/x")
            #expect(keyless.code == 1 && keyless.text.contains("paste-api-key --provider groq"), "\(keyless.text)")
            #expect(try Self.text(world) == text, "written all the same")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("models auth login: the code is shown, and after it was entered the next call carries the new token")
        func login() async throws {
            let service = try await FakeServer("login_fake.py", ["--token", Self.token])
            var codex = TestProvider("openai-codex", .responses)
            codex.keys = [Self.token]
            let world = try await World.start(models: [TestProvider("alpha", .chat), codex], on: [.telegram]) { setup in
                Self.strip(&setup, "openai-codex", ["api": "openai-responses"])
            }
            let login = "\"$CLAWHOLD\" models auth login --provider openai-codex --issuer \(service.root)"
            // Whatever goes wrong, nothing is stored and the reason is said.
            for (mode, words) in [
                ("deny", "declined"), ("expire", "not entered in time"), ("huge", "no answer from"),
                ("cut", "no answer from"),
            ] {
                try await service.post("mode", ["mode": .string(mode)])
                let failed = try Self.command(world, login)
                #expect(try await failed.ended(within: 60) == 1)
                #expect(failed.tail().contains(words), "\(mode): \(failed.tail())")
            }
            #expect(try world.gateway.state.files(endingWith: "auth-profiles.json").isEmpty)
            try await service.post("mode", ["mode": "slow"])
            let asked = try await service.rows("asked", from: 0, within: 0).count
            let process = try Self.command(world, login)
            _ = try await process.line(containing: "WXYZ-12345", within: 30)
            // Asked and told to wait at least once before the person is done.
            _ = try await service.rows("asked", from: asked + 1, within: 30)
            try await service.post("enter", [:])
            #expect(try await process.ended(within: 60) == 0, "\(process.tail())")
            #expect(
                process.tail().contains("Stored openai-codex:default") && !process.tail().contains("s-mark"),
                "\(process.tail())"
            )
            let list = try await Terminal.type(world, "models", "auth")
            #expect(
                list.code == 0 && list.text.contains("openai-codex:default") && !list.text.contains("s-mark"),
                "\(list.text)"
            )
            let page = try await Terminal.type(world, "models", "set", "openai-codex/test-1")
            #expect(page.code == 0, "\(page.text)")
            #expect(try await world.ask("by subscription").contains("by subscription"))
            let last = try await world.model.calls().last
            #expect(last?["provider"] == "openai-codex" && last?["key"]?.string == Self.token, "\(last?.text ?? "")")
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a key that is piped in is stored for its owner alone, is nowhere to be seen, and is used")
        func pasted() async throws {
            let provider = TestProvider("groq", .chat)
            let world = try await World.start(models: [TestProvider("alpha", .chat), provider], on: [.telegram]) {
                setup in
                Self.strip(&setup, "groq", ["models": [["id": "test-1"]]])
            }
            let paste = try Self.command(
                world,
                "echo '\(provider.keys[0])' | \"$CLAWHOLD\" models auth paste-api-key --provider groq"
            )
            #expect(try await paste.ended(within: 60) == 0, "\(paste.tail())")
            #expect(
                paste.tail().contains("Stored groq:manual") && !paste.tail().contains(provider.keys[0]),
                "\(paste.tail())"
            )
            let page = try await Terminal.type(world, "models", "set", "groq/test-1")
            #expect(page.code == 0, "\(page.text)")
            #expect(try await world.ask("fast").contains("fast"))
            #expect(try await world.model.calls().last?["key"]?.string == provider.keys[0])
            let refused = try Self.command(world, "\"$CLAWHOLD\" models auth login --provider anthropic")
            #expect(try await refused.ended(within: 60) == 1)
            #expect(refused.tail().contains("setup-token"), "\(refused.tail())")
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
