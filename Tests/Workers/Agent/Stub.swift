import Testing

@Test func stubWorkersAgent() {}
