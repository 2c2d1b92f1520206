import Testing

@Test func stubWorkersChannelsTelegram() {}
