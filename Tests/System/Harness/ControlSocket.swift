import IPCControl
import TestSupport

/// The supervisor's control socket, spoken as the command line speaks it.
enum ControlSocket {
    /// Sends a command and returns the blocks of its answer, the last one (`END`) included.
    static func ask(_ path: String, _ command: Block, within seconds: Double = 10) async throws -> [Block] {
        try await blocking {
            let socket = try Socket.unix(path)
            try socket.write(try command.encoded())
            var decoder = BlockDecoder()
            var blocks: [Block] = []
            while true {
                while let block = try decoder.next() {
                    blocks.append(block)
                    if block["END"] != nil { return blocks }
                }
                let bytes = try socket.read(within: seconds)
                guard !bytes.isEmpty else { throw TestFailure("the control socket closed in the middle of an answer") }
                decoder.append(bytes)
            }
        }
    }
}
