import Testing

@Test func stubWorkersGateway() {}
