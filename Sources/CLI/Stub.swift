package func stubCLI() {}
