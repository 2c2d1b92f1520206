import Testing

@testable import Journal

@Test("a nonce is 24 characters and the same for every try")
func nonce() {
    let row = OutboxRow(
        row: 7,
        origin: "t",
        chunk: 0,
        conversation: "c",
        target: [],
        part: OutboxPart(text: "x"),
        isInDoubt: false,
        attempts: 1,
        createdAt: 1_700_000_000_000,
        ageFrom: 0,
        firstTriedAt: 0
    )
    #expect(row.nonce == "018bcfe56800000000000007")
    #expect(row.nonce.count == 24)
}
