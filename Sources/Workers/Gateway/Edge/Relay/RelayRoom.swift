/// What all relayed requests hold of their bodies, kept up to date by each of them. On the edge's event loop.
final class RelayRoom {
    private(set) var held = 0

    func changed(by bytes: Int) { held += bytes }
}
