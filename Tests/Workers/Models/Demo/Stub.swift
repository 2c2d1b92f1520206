import Testing

@Test func stubWorkersModelsDemo() {}
