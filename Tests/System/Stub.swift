import Testing

@Test func stubSystem() {}
