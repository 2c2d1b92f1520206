import Testing

@Test func stubIPCControl() {}
