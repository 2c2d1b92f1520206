import Testing

@Test func stubWorkersModelsAnthropic() {}
