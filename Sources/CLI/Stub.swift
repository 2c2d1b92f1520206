internal import ArgumentParser

struct StubC: ParsableCommand {}
package func stubCLI() { StubC.main() }
