import Testing

@Test func stubWorkersJournal() {}
