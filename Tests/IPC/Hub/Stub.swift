import Testing

@Test func stubIPCHub() {}
