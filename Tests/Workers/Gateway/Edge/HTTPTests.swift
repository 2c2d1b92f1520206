internal import Config
internal import NIOCore
internal import Synchronization
internal import Testing

@testable internal import Gateway

@Suite("HTTP over real sockets")
struct HTTPTests {
    private func row(_ id: String, _ state: String, cause: String = "", text: String = "") -> WorkerRow {
        var row = WorkerRow(id: id, kind: String(id.prefix { $0 != ":" }))
        row.state = state
        row.cause = cause
        row.text = text
        row.diedMilliseconds = cause.isEmpty ? 0 : 1_700_000_000_999
        row.memoryKB = 2
        row.restarts = 3
        return row
    }

    @Test("health answers as soon as the gateway serves, to GET and HEAD only", arguments: ["/healthz", "/health"])
    func health(path: String) async throws {
        try await EdgeBench.run { bench in
            let answer = try await HTTPProbe.get(bench, path)
            #expect(answer.status == 200)
            #expect(answer.body == #"{"ok":true,"status":"live"}"#)
            #expect(answer.headers["cache-control"] == "no-store")
            let head = try await HTTPProbe.send(bench, "HEAD \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.headers["content-length"] == "27")
            let post = try await HTTPProbe.send(bench, "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            #expect(post.status == 405)
            #expect(post.headers["allow"] == "GET, HEAD")
        }
    }

    @Test("readiness names what is missing, but not to strangers behind a proxy")
    func readiness() async throws {
        try await EdgeBench.run {
            $0.rows = [
                row("gateway", "ready"), row("agent:main", "stopped"), row("channel:telegram:default", "starting"),
            ]
        } _: { bench in
            let missing = try await HTTPProbe.get(bench, "/readyz")
            #expect(missing.status == 503)
            #expect(missing.body.contains("channel:telegram:default is starting"))
            #expect(!missing.body.contains("agent:main"))
            let stranger = try await HTTPProbe.get(bench, "/readyz", headers: ["X-Forwarded-For: 8.8.8.8"])
            #expect(stranger.body == #"{"ready":false}"#)
            bench.engine.state.withLock {
                $0.rows = [row("channel:telegram:default", "ready"), row("model:x", "stopped")]
            }
            let answer1 = try await HTTPProbe.get(bench, "/ready")
            #expect(answer1.status == 200)
            bench.engine.state.withLock { $0.rows = [row("model:x", "quarantined", cause: "oom-own")] }
            let answer2 = try await HTTPProbe.get(bench, "/readyz")
            #expect(answer2.body.contains("model:x is quarantined: oom-own"))
            bench.engine.state.withLock {
                $0.rows = [row("sidecar:done", "stopped")]; $0.delivery.intakeStopped = "the disk is full"
            }
            let answer3 = try await HTTPProbe.get(bench, "/readyz")
            #expect(answer3.body.contains("the disk is full"))
            #expect(!answer3.body.contains("sidecar:done"), "it may have done its work")
        }
    }

    @Test("metrics are Prometheus text, for this machine's network or for whoever knows the token")
    func metrics() async throws {
        try await EdgeBench.run {
            $0.rows = [row("channel:a:\"b\\", "ready"), row("agent:main", "ready", cause: "oom-own")]
        } _: { bench in
            let answer = try await HTTPProbe.get(bench, "/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.body.contains("clawhold_worker_memory_bytes{worker=\"channel:a:\\\"b\\\\\"} 2048\n"))
            #expect(answer.body.contains("clawhold_worker_restarts_total{worker=\"channel:a:\\\"b\\\\\"} 3\n"))
            #expect(answer.body.contains("\nclawhold_connections 1\n"))
            let deaths = answer.body.split(separator: "\n").filter { $0.hasPrefix("clawhold_worker_last_death") }
            let labels = "{worker=\"agent:main\",cause=\"oom-own\"}"
            #expect(deaths == ["clawhold_worker_last_death_timestamp_seconds\(labels) 1700000000"])
            let forwarded = "X-Forwarded-For: 8.8.8.8"
            let answer4 = try await HTTPProbe.get(bench, "/metrics", headers: [forwarded])
            #expect(answer4.status == 401)
            let bearer = "Authorization: Bearer \(EdgeBench.token)"
            let answer5 = try await HTTPProbe.get(bench, "/metrics", headers: [forwarded, bearer])
            #expect(answer5.status == 200)
            let answer6 = try await HTTPProbe.get(bench, "/metrics", headers: [forwarded, bearer + "x"])
            #expect(answer6.status == 401)
        }
    }

    @Test("a bearer that is guessed ten times is guessed no more, and the owner elsewhere still gets in")
    func bearerGuessing() async throws {
        try await EdgeBench.run { bench in
            func attempt(_ token: String, from address: String) async throws -> HTTPProbe.Answer {
                let headers = ["X-Forwarded-For: \(address)", "Authorization: Bearer \(token)"]
                return try await HTTPProbe.get(bench, "/metrics", headers: headers)
            }
            for _ in 0..<10 {
                let wrong = try await attempt("guess", from: "9.9.9.9")
                #expect(wrong.status == 401)
            }
            let locked = try await attempt(EdgeBench.token, from: "9.9.9.9")
            #expect(locked.status == 429)
            #expect(locked.headers["retry-after"].flatMap { Int($0) } ?? 0 > 290)
            let owner = try await attempt(EdgeBench.token, from: "7.7.7.7")
            #expect(owner.status == 200)
        }
    }

    @Test("the page and its files come with a policy that allows nothing inline")
    func page() async throws {
        try await EdgeBench.run { bench in
            let page = try await HTTPProbe.get(bench, "/")
            #expect(page.status == 200)
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            let policy = try #require(page.headers["content-security-policy"])
            #expect(
                policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'")
                    && !policy.contains("unsafe")
            )
            #expect(page.headers["x-frame-options"] == "DENY")
            #expect(page.headers["connection"] == "close")
            #expect(page.body.contains(#"src="/assets/app.js""#) && page.body.contains(#"src="/assets/channels.js""#))
            #expect(page.body.contains(#"src="/assets/usage.js""#))
            #expect(!page.body.contains("%BASE%") && !page.body.contains("<style") && !page.body.contains(" style="))
            #expect(!page.body.contains(" onclick=") && page.body.ranges(of: "<script").count == 3)
            #expect(try await HTTPProbe.get(bench, "/assets/channels.js").body.contains("channels.status"))
            let script = try await HTTPProbe.get(bench, "/assets/app.js")
            #expect(script.headers["content-type"] == "application/javascript; charset=utf-8")
            #expect(
                !script.body.contains("eval(") && !script.body.contains("innerHTML")
                    && !script.body.contains("new Function")
            )
            let answer7 = try await HTTPProbe.get(bench, "/assets/app.css")
            #expect(answer7.headers["content-type"] == "text/css; charset=utf-8")
            let answer8 = try await HTTPProbe.get(bench, "/sessions/assets/app.css")
            #expect(answer8.status == 200)
        }
    }

    @Test(
        "deep links are the page, files that do not exist and tricks are 404",
        arguments: [
            ("/workers", 200), ("/sessions?x=1", 200), ("/a/b/c", 200), ("/index.html", 200), ("/nothing.png", 404),
            ("/assets/none.js", 404), ("/../etc/passwd", 404), ("/assets/..%2f..%2fetc", 404), ("/%00", 404),
            ("/assets/", 404), ("/avatar/main?meta=1", 200), ("/avatar/main", 404), ("/ui", 404), ("/ui/chat", 404),
        ]
    )
    func paths(path: String, status: Int) async throws {
        try await EdgeBench.run { bench in
            let answer9 = try await HTTPProbe.get(bench, path)
            #expect(answer9.status == status)
        }
    }

    @Test("below a base path the page knows it, elsewhere there is nothing, and health stays where it is")
    func basePath() async throws {
        try await EdgeBench.run {
            $0.config.controlUI.basePath = "/claw"
        } _: { bench in
            let moved = try await HTTPProbe.get(bench, "/claw?session=a")
            #expect(moved.status == 302)
            #expect(moved.headers["location"] == "/claw/?session=a")
            let answer10 = try await HTTPProbe.get(bench, "/claw/chat")
            #expect(answer10.body.contains(#"src="/claw/assets/app.js""#))
            let answer11 = try await HTTPProbe.get(bench, "/claw/control-ui-config.json")
            #expect(answer11.body.contains(#""basePath":"/claw""#))
            let answer12 = try await HTTPProbe.get(bench, "/")
            #expect(answer12.status == 404)
            let answer13 = try await HTTPProbe.get(bench, "/clawx")
            #expect(answer13.status == 404)
            let answer14 = try await HTTPProbe.get(bench, "/healthz")
            #expect(answer14.status == 200)
        }
    }

    @Test("other methods are 405 with the page, and 404 without it")
    func methods() async throws {
        let post = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        try await EdgeBench.run { bench in
            let answer15 = try await HTTPProbe.send(bench, post)
            #expect(answer15.status == 405)
        }
        try await EdgeBench.run {
            $0.config.controlUI.enabled = false
        } _: { bench in
            let answer16 = try await HTTPProbe.send(bench, post)
            #expect(answer16.status == 404)
            let answer17 = try await HTTPProbe.get(bench, "/")
            #expect(answer17.status == 404)
        }
    }

    @Test("too large a header, too many headers, too large a body and nonsense are refused, and the gateway lives on")
    func bounds() async throws {
        try await EdgeBench.run { bench in
            let long =
                "GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "a", count: Connection.headerFieldBytes + 1))\r\n\r\n"
            let answer18 = try await HTTPProbe.send(bench, long)
            #expect(answer18.status >= 400)
            let many = (0...Connection.headerFields).map { "X-\($0): 1\r\n" }.joined()
            let answer19 = try await HTTPProbe.send(bench, "GET / HTTP/1.1\r\nHost: x\r\n\(many)\r\n")
            #expect(answer19.status >= 400)
            let body = String(repeating: "b", count: 70_000)
            let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n\(body)"
            let answer20 = try await HTTPProbe.send(bench, post)
            #expect(answer20.status == 413)
            let answer21 = try await HTTPProbe.send(bench, "NONSENSE\r\n\r\n")
            #expect(answer21.status == 400)
            let answer22 = try await HTTPProbe.get(bench, "/healthz")
            #expect(answer22.status == 200)
        }
    }

    @Test("who sends no request head is closed when the handshake time is over")
    func silence() async throws {
        try await EdgeBench.run {
            $0.limits.handshake = .milliseconds(50)
        } _: { bench in
            let answer23 = try await HTTPProbe.send(bench, "GET / HT")
            #expect(answer23.status == 0)
        }
    }
}
