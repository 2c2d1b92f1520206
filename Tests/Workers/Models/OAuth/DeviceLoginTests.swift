import Runtime
import Synchronization
import Testing

@testable import OAuth

@Suite("A login with a code")
struct DeviceLoginTests {
    private static let started = #"{"device_auth_id":"d1","user_code":"AB-CD","interval":"2","expires_in":900}"#
    private static let granted = #"{"authorization_code":"c1","code_verifier":"v1"}"#
    private static let tokens = #"{"access_token":"h.e30.s","refresh_token":"r1","expires_in":3600}"#

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// A login service with a script, and a clock that only sleeping moves.
    private final class Service: TokenEndpoint {
        let script: Mutex<[(Int, String)]>
        let requests = Mutex<[OAuthRequest]>([])
        let clock = Mutex<Int64>(1_795_000_000_000)
        let pauses = Mutex<[Duration]>([])
        let codes = Mutex<[DeviceLogin.Code]>([])

        init(_ script: [(Int, String)]) { self.script = Mutex(script) }

        struct Away: Error {}

        func post(_ request: OAuthRequest) async throws -> (status: Int, body: [UInt8]) {
            requests.withLock { $0.append(request) }
            // The last answer goes on.
            let next = script.withLock { $0.count > 1 ? $0.removeFirst() : $0.first }
            guard let (status, body) = next, status > 0 else { throw Away() }
            return (status, Array(body.utf8))
        }

        func login(_ issuer: String = DeviceLogin.openAI) async throws -> OAuthCredential {
            let login = try #require(DeviceLogin(issuer: issuer))
            let run = DeviceLoginRun(login, endpoint: self, now: { self.clock.withLock { $0 } }) { pause in
                self.pauses.withLock { $0.append(pause) }
                self.clock.withLock { $0 += pause.components.seconds * 1000 }
            }
            return try await run.credential { code in self.codes.withLock { $0.append(code) } }
        }
    }

    @Test("pending, slower, a network that is away for a moment, then done: what is stored, and what was asked")
    func success() async throws {
        let service = Service([
            (200, Self.started), (403, ""), (404, "{}"), (400, #"{"error":"authorization_pending"}"#),
            (400, #"{"error":"slow_down"}"#),
            (429, ""), (0, ""), (503, "oops"), (200, Self.granted), (200, Self.tokens),
        ])
        let credential = try await service.login()
        #expect(credential.access == "h.e30.s" && credential.refresh == "r1")
        #expect(service.codes.withLock { $0.map(\.userCode) } == ["AB-CD"])
        let seconds = service.pauses.withLock { $0.map(\.components.seconds) }
        #expect(seconds == [2, 2, 2, 2, 7, 12, 12, 12])
        #expect(credential.expires == service.clock.withLock { $0 } + 3_600_000)
        let requests = service.requests.withLock { $0 }
        #expect(requests.first?.url == "https://auth.openai.com/api/accounts/deviceauth/usercode")
        #expect(try JSON(parsing: requests[1].body)["device_auth_id"] == "d1")
        let last = String(decoding: requests.last?.body ?? [], as: UTF8.self)
        #expect(requests.last?.url == "https://auth.openai.com/oauth/token")
        #expect(
            last.contains("code=c1") && last.contains("code_verifier=v1") && last.contains("%2Fdeviceauth%2Fcallback")
        )
        #expect(credential.other["tokenURL"] == nil)
    }

    @Test(
        "what ends a login is told in words",
        arguments: [
            ([(200, started), (403, "")], "not entered in time"),
            ([(200, started), (400, #"{"error":"expired_token"}"#)], "not entered in time"),
            ([(200, started), (403, #"{"error":"access_denied"}"#)], "declined"),
            ([(404, "")], "Security"), ([(0, "")], "no answer from https://auth.openai.com"),
            ([(200, started), (0, "")], "no answer"), ([(500, "x")], "HTTP 500"),
            ([(200, started), (200, granted), (400, #"{"error":"invalid_grant"}"#)], "invalid_grant"),
            ([(200, started), (200, granted), (200, #"{"access_token":"a"}"#)], "no refresh token"),
        ]
    )
    func ended(_ script: [(Int, String)], _ words: String) async throws {
        let service = Service(script)
        let error = await #expect(throws: OAuthFailure.self) { try await service.login() }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "nothing")")
        // Fifteen minutes of polling every two seconds at most.
        #expect(service.requests.withLock { $0.count } <= 452)
    }

    @Test("an answer that is cut off anywhere, or has no end, gives no credential")
    func cut() async throws {
        let login = try #require(DeviceLogin())
        for length in 0..<Self.started.utf8.count {
            #expect(throws: OAuthFailure.self) {
                try login.code(status: 200, body: Array(bytes(Self.started).prefix(length)))
            }
        }
        for length in 0..<Self.granted.utf8.count {
            #expect(throws: OAuthFailure.self) {
                try login.poll(status: 200, body: Array(bytes(Self.granted).prefix(length)))
            }
        }
        for length in 0..<Self.tokens.utf8.count {
            #expect(throws: OAuthFailure.self) {
                try login.credential(status: 200, body: Array(bytes(Self.tokens).prefix(length)), at: 0)
            }
        }
        let huge = bytes(Self.started) + [UInt8](repeating: 0x20, count: OAuthCredential.sizeLimit)
        #expect(throws: OAuthFailure.self) { try login.code(status: 200, body: huge) }
        #expect(throws: OAuthFailure.self) { try login.poll(status: 200, body: huge) }
    }

    @Test("times and codes of a hostile service are bounded")
    func bounded() throws {
        let login = try #require(DeviceLogin())
        let long = String(repeating: "x", count: 500)
        let code = try login.code(
            status: 200,
            body: bytes(
                #"{"device_auth_id":"d","user_code":"\#(long)","interval":-9223372036854775808,"expires_in":9223372036854775807}"#
            )
        )
        #expect(code.userCode.count == 40 && code.interval == .seconds(1) && code.lifetime == .seconds(3600))
    }

    @Test("another service must be encrypted or on this machine, and renews what it gave")
    func issuers() async throws {
        for issuer in [
            "http://login.example", "", "https://login.example/", "http://127.0.0.1.evil.example", "file:///x",
        ] {
            #expect(DeviceLogin(issuer: issuer) == nil, "\(issuer)")
        }
        let service = Service([(200, Self.started), (200, Self.granted), (200, Self.tokens)])
        let credential = try await service.login("http://127.0.0.1:9")
        #expect(service.requests.withLock { $0.allSatisfy { $0.url.hasPrefix("http://127.0.0.1:9/") } })
        #expect(OAuthService.openAI.refresh(credential).url == "http://127.0.0.1:9/oauth/token")
    }
}
