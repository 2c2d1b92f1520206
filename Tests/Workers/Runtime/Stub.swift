import Testing

@Test func stubWorkersRuntime() {}
