# Two commands for a newcomer: `make run` and `make test`. The rest is what they and CI are made of.
.PHONY: run test test-full release debug check format bench image image-prebuilt install deb clean

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
	@Tests/Lab/image.sh
	@Tests/Lab/systemd.sh
	@Tests/Lab/deb.sh
	@Tests/Lab/ssh.sh

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

# The same from the executable that `make release` built here: seconds.
image-prebuilt: release
	@scripts/image-prebuilt.sh

# The executable, the units, the user: then systemctl enable --now clawhold. PREFIX and DESTDIR as everywhere.
install:
	@scripts/install.sh

# dist/clawhold_VERSION_ARCH.deb
deb: release
	@scripts/deb.sh

clean:
	rm -rf .build
