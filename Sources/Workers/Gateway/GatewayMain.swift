package func stubGateway() -> String { "" }
