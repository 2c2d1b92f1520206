import Testing

@Test func stubConfig() {}
