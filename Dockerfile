# Two stages: the toolchain stays behind. Dependencies resolve in a layer of their own, so that a change of the sources
# does not fetch them again.
# hadolint global ignore=DL3008
FROM swift:6.3-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends binutils libsqlite3-dev zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
RUN swift package resolve
COPY . .
RUN scripts/release.sh && cp -L .build/clawhold /clawhold

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libgcc-s1 libstdc++6 tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 clawhold \
 && install -d -o clawhold -g clawhold -m 700 /data
COPY --from=build /clawhold /usr/bin/clawhold
COPY deploy/node /usr/local/bin/node
RUN ln -s clawhold /usr/bin/openclaw
ENV OPENCLAW_STATE_DIR=/data
VOLUME /data
EXPOSE 18789
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["clawhold", "health"]
# Starts as root so that memory budgets and a uid for each worker are to be had; only the supervisor, which parses nothing
# from network or config, stays root. The gateway runs as the owner of /data.
# No ENTRYPOINT: process lines of OpenClaw ("node dist/index.js gateway …") work as they are.
CMD ["clawhold", "gateway", "--allow-unconfigured", "--bind", "lan"]
