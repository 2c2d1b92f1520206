# Two commands for a newcomer: `make run` and `make test`. The rest is what they and CI are made of.
.PHONY: run test test-full release debug check format bench image clean

# Installs what is missing, builds the release executable, starts the gateway on loopback with its state in ./state.
run:
	@scripts/run.sh

# Installs what the tests need and runs all of them.
test:
	@scripts/test.sh

# All of it, and what needs containers, a real systemd and a virtual machine (docs/proof.md says what): hours.
test-full: release
	@CLAWHOLD_FULL_TESTS=1 scripts/test.sh
	@Tests/Lab/run.sh

# The static, stripped executable: .build/clawhold
release:
	@scripts/release.sh

debug:
	@scripts/install-packages.sh build
	swift build --build-tests

# Format, import rules, no Foundation: seconds, no build.
check:
	@scripts/check-source.sh

format:
	swift format -i -r -p Package.swift Sources Tests Benchmarks

# The figures of the README, against the release executable.
bench: release
	@Benchmarks/run.sh

image:
	docker build -t clawhold .

clean:
	rm -rf .build
