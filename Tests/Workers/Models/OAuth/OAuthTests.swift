import FoundationEssentials
import Runtime
import Testing

@testable import OAuth

@Suite("Logins of subscriptions")
struct OAuthTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("a stored credential keeps what is not known here, and nonsense is none")
    func stored() throws {
        let text = #"{"type":"oauth","access":"a1","refresh":"r1","expires":1795000000000,"accountId":"acc","x":[1]}"#
        let credential = try #require(OAuthCredential(stored: bytes(text)))
        #expect(credential.account == "acc")
        let again = try JSON(parsing: credential.stored())
        #expect(again["x"] == [1] && again["type"] == "oauth" && again["refresh"] == "r1")
        for length in 0..<text.utf8.count { _ = OAuthCredential(stored: bytes(text).prefix(length)) }
        for nonsense in ["", "[]", "{}", #"{"access":5}"#] { #expect(OAuthCredential(stored: bytes(nonsense)) == nil) }
        let huge = [UInt8](repeating: UInt8(ascii: " "), count: OAuthCredential.sizeLimit + 1)
        #expect(OAuthCredential(stored: huge) == nil)
    }

    @Test("a token is renewed five minutes before it ends")
    func due() {
        let now: Int64 = 1_795_000_000_000
        var credential = OAuthCredential(access: "a", refresh: "r", expires: now + 300_001)
        #expect(!credential.isDue(at: now) && credential.isDue(at: now + 1))
        #expect(credential.isUsable(at: now + 300_000) && !credential.isUsable(at: now + 300_001))
        credential.refresh = ""
        #expect(!credential.isDue(at: now + 400_000))
    }

    @Test("the two services are asked in their own form")
    func requests() throws {
        let credential = OAuthCredential(access: "a", refresh: "r/1 ü", expires: 0)
        let anthropic = OAuthService.anthropic.refresh(credential)
        #expect(anthropic.contentType == "application/json")
        #expect(try JSON(parsing: anthropic.body)["refresh_token"] == "r/1 ü")
        let openAI = OAuthService.openAI.refresh(credential)
        #expect(openAI.contentType == "application/x-www-form-urlencoded")
        #expect(String(decoding: openAI.body, as: UTF8.self).contains("refresh_token=r%2F1%20%C3%BC&client_id=app_"))
    }

    @Test("another token endpoint counts only when it is encrypted or on this machine")
    func ownEndpoint() {
        for (url, isTaken) in [
            ("https://login.example/token", true), ("http://127.0.0.1:1/token", true), ("http://login.example/", false),
            ("http://127.0.0.1.evil.example/", false),
        ] {
            var credential = OAuthCredential(access: "", refresh: "r", expires: 0)
            credential.other["tokenURL"] = .string(url)
            #expect((OAuthService.anthropic.refresh(credential).url == url) == isTaken)
        }
    }

    @Test("an answer keeps the refresh token when it names no new one, and the account from the token")
    func answers() throws {
        let claims = Data(#"{"https://api.openai.com/auth":{"chatgpt_account_id":"acc-7"}}"#.utf8).base64EncodedString()
        let token = "h.\(claims.replacing("=", with: "")).s"
        let old = OAuthCredential(access: "a", refresh: "r1", expires: 0, account: "old")
        let new = try OAuthService.openAI.credential(
            status: 200,
            body: bytes(#"{"access_token":"\#(token)","expires_in":100}"#),
            old: old,
            at: 1000
        )
        #expect(new.refresh == "r1" && new.account == "acc-7" && new.expires == 101_000)
        #expect(OAuthCredential.account(inToken: "a.b") == "" && OAuthCredential.account(inToken: "a.!.c") == "")
    }

    @Test(
        "a login that has ended is told from a service that is away",
        arguments: [
            (400, #"{"error":"invalid_grant","error_description":"gone"}"#, true),
            (401, #"{"error":{"code":"refresh_token_reused","message":"used"}}"#, true),
            (500, "oops", false), (429, #"{"error":"rate_limited"}"#, false), (200, "{}", false),
        ]
    )
    func failures(_ status: Int, _ body: String, _ isFinal: Bool) {
        #expect(throws: OAuthFailure.self) {
            do throws(OAuthFailure) {
                _ = try OAuthService.anthropic.credential(status: status, body: bytes(body), old: nil, at: 0)
            } catch {
                #expect(error.isFinal == isFinal)
                throw error
            }
        }
    }

    @Test("a service that repeats what it was sent gives no token away")
    func repeated() {
        let old = OAuthCredential(access: "access-1", refresh: "refresh-1", expires: 0)
        let body = #"{"error":"invalid_grant","error_description":"refresh-1 of access-1 has ended"}"#
        let error = #expect(throws: OAuthFailure.self) {
            try OAuthService.anthropic.credential(status: 400, body: bytes(body), old: old, at: 0)
        }
        #expect(error?.description == "HTTP 400 · invalid_grant · [redacted] of [redacted] has ended")
    }
}
