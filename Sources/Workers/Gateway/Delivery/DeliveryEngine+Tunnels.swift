extension DeliveryEngine {
    package func tunnels() async -> [TunnelFacts] {
        // The loop lives as long as the process.
        (try? await onLoop { $0.core.urls.tunnels.map(TunnelFacts.init) }) ?? []
    }
}
