internal import IPCControl

extension UpgradeState {
    /// The wire form. Throws when something is longer than a block can be, which the caller has to live with: it stays
    /// the image that it is.
    func encoded() throws(StateError) -> [UInt8] {
        var bytes: [UInt8] = []
        for block in try blocks() {
            guard let encoded = block.encodedWithinBounds() else { throw .tooMuch("\(block.type) is too long") }
            bytes += encoded
            guard bytes.count <= StateReader.sizeLimit else { throw .tooMuch("over \(StateReader.sizeLimit) bytes") }
        }
        return bytes
    }

    /// `STATE` first, so that another version is recognised before anything of it is understood; `DONE` last.
    private func blocks() throws(StateError) -> [Block] {
        var head = try StateFields.write("STATE", head)
        head["FORMAT"] = Self.format
        var blocks = [head, try StateFields.write("SITE", site)]
        for user in site.users.sorted(by: { $0.key < $1.key }) {
            blocks.append(Block("USER", ["ID": user.key, "SLOT": "\(user.value)"]))
        }
        for listener in listeners { blocks.append(try StateFields.write("LISTENER", listener)) }
        blocks += try plan.blocks().map { Block("PLAN", $0) }
        blocks += try tree.blocks()
        for process in processes {
            blocks.append(try StateFields.write("PROCESS", process))
            Self.append(process.input, as: "INPUT", to: &blocks)
            Self.append(process.outgoing, as: "OUTGOING", to: &blocks)
            Self.append(process.outputLine.pending, as: "OUTPUT", to: &blocks)
            Self.append(process.errorsLine.pending, as: "ERRORS", to: &blocks)
        }
        blocks.append(Block("LEDGER", ["TOLD": "\(ledger.told)"]))
        for entry in ledger.entries { blocks.append(try StateFields.write("DEATH", entry)) }
        for id in gone { blocks.append(Block("GONE", ["ID": id.rawValue])) }
        blocks.append(try StateFields.write("LOG", log))
        for rest in log.remainders {
            blocks.append(try StateFields.write("REST", rest))
            Self.append(rest.bytes, as: "REST", to: &blocks)
        }
        for line in log.lines { blocks.append(try StateFields.write("LINE", line)) }
        for entry in events.entries { blocks.append(try StateFields.write("EVENT", entry)) }
        for client in clients {
            blocks.append(try StateFields.write("CLIENT", client))
            Self.append(client.input, as: "CLIENT_INPUT", to: &blocks)
            Self.append(client.outgoing, as: "CLIENT_OUTGOING", to: &blocks)
        }
        return blocks + [Block("DONE")]
    }

    /// Bytes belong to what stands before them.
    private static func append(_ bytes: some Collection<UInt8>, as name: String, to blocks: inout [Block]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            blocks.append(Block("BYTES", ["OF": name, "DATA": Hex.encode(rest.prefix(12 * 1024))]))
            rest = rest.dropFirst(12 * 1024)
        }
    }
}

extension Block {
    /// A block of the plan inside the state: its type becomes a field, since both have a WORKER.
    fileprivate init(_ type: String, _ inner: Block) {
        self.init(type, ["BLOCK": inner.type])
        for field in inner.fields { self[field.key] = field.value }
    }
}
