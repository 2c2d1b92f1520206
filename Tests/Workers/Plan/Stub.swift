import Testing

@Test func stubWorkersPlan() {}
