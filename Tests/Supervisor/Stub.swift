import Testing

@Test func stubSupervisor() {}
