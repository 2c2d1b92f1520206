/// workers.list and workers.restart: ours, for the Workers page.
enum WorkerMethods {
    static let all = [
        Method("workers.list", .read, list),
        Method("workers.restart", .admin, restart),
    ]

    /// `{ts, workers:[…]}`; from now on this connection gets the event `workers` at every change.
    private static func list(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try noParams(params, method: "workers.list")
        context.watchWorkers(caller.connectionID)
        return .success(WorkerTable.payload(await context.conversations.workers(), wall: context.clock.wall()))
    }

    /// `{id}` -> `{ok:true,id}`: the supervisor was asked; the table tells what becomes of it.
    private static func restart(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["id"])
        let id = reader.string("id", required: true, longest: 256)
        guard reader.isValid, let id else { throw reader.error(method: "workers.restart") }
        guard await context.conversations.workers().contains(where: { $0.id == id }) else {
            throw .invalid("no worker \"\(id)\": workers.list has the names")
        }
        context.command(.restart, id)
        return .success(["ok": true, "id": .string(id)])
    }
}
