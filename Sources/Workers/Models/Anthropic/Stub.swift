internal import AsyncHTTPClient
package func stubA() -> String { HTTPClientRequest(url: "http://x").url }
