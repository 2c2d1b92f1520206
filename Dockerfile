# Clawhold's image. From the sources:          docker build -t clawhold .
# From an executable that is already there:    docker build -t clawhold --target prebuilt .
#   (dist/amd64/clawhold, dist/arm64/clawhold: what the release workflow and the tests use)
# With a tunnel or further packages:           --build-arg NGROK=1 TAILSCALE=1 CLOUDFLARED=1 DEBIAN_PACKAGES="ffmpeg jq", one --build-arg each
# hadolint global ignore=DL3008

FROM swift:6.3-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends binutils libsqlite3-dev zlib1g-dev \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
WORKDIR /src
COPY . .
# What was built stays with the builder, so that after a change only what depends on it is compiled.
RUN --mount=type=cache,id=clawhold-build,target=/src/.build,sharing=locked scripts/release.sh && cp -L .build/clawhold /clawhold

# The certificates alone: their package brings OpenSSL with it, 13 MB that nothing here uses.
FROM debian:bookworm-slim AS certificates
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

FROM debian:bookworm-slim AS runtime
COPY --from=certificates /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgcc-s1 libstdc++6 tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && useradd --create-home --uid 1000 clawhold \
 && install -d -o clawhold -g clawhold -m 700 /data
ARG NGROK=
ARG TAILSCALE=
ARG CLOUDFLARED=
ARG DEBIAN_PACKAGES=
COPY deploy/image/packages.sh /tmp/packages.sh
RUN if [ -n "$NGROK$TAILSCALE$CLOUDFLARED$DEBIAN_PACKAGES" ]; then /tmp/packages.sh; fi && rm /tmp/packages.sh
COPY --chmod=755 deploy/image/node /usr/local/bin/node
RUN ln -s clawhold /usr/bin/openclaw
ENV OPENCLAW_STATE_DIR=/data
VOLUME /data
EXPOSE 18789
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["clawhold", "health", "--live"]
# Starts as root so that memory budgets and a uid for each worker are to be had; only the supervisor, which parses nothing
# from network or config, stays root. The gateway runs as the owner of /data. `--user 1000` works too, with less of both.
# No ENTRYPOINT: process lines of OpenClaw ("node dist/index.js gateway …") and any other command work as they are.
CMD ["clawhold", "gateway", "--allow-unconfigured", "--bind", "lan"]

FROM runtime AS prebuilt
ARG TARGETARCH
COPY --chmod=755 dist/${TARGETARCH}/clawhold /usr/bin/clawhold

FROM runtime
COPY --chmod=755 --from=build /clawhold /usr/bin/clawhold
