internal import NIOHTTP1
internal import NIOWebSocket
internal import Journal
package func stubGateway() -> String { stubJournal() + String(decoding: PackageResources.index_html, as: UTF8.self) }
