# syntax=docker/dockerfile:1

# Both base images are of Debian 13, which receives security updates. A tag moves: for a build that can be repeated, give the
# digests that you have tested, such as --build-arg RUNTIME=debian:trixie-slim@sha256:…
ARG BUILDER=rust:1.95.0-slim-trixie
ARG RUNTIME=debian:trixie-slim

FROM ${BUILDER} AS builder

# SQLite, libpq and OpenSSL are compiled from source: this needs a C compiler, and perl and make for OpenSSL.
RUN apt-get update \
    && apt-get upgrade --yes \
    && apt-get install --yes --no-install-recommends ca-certificates gcc libc6-dev make perl \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY . .

# The caches are not part of a layer, so the binary is copied out of the cache in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package doorward --features postgres-tls \
    && install -D -m 0755 target/release/doorward /out/doorward


FROM ${RUNTIME}

LABEL org.opencontainers.image.title="Doorward" \
      org.opencontainers.image.description="A self-hosted authentication service" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"

# Security updates that are newer than the base image. Build with --pull --no-cache to get those of today.
RUN apt-get update \
    && apt-get upgrade --yes \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 doorward \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/doorward \
        --shell /usr/sbin/nologin doorward \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/doorward

# Root certificates to verify a database server (sslmode=verify-full) or a mail server. Copied, because their package would
# install an OpenSSL that nothing uses: the one that libpq uses is compiled into the binary, in the version of Cargo.lock.
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE-APACHE LICENSE-GPL LICENSE-MIT LICENSES.md /usr/share/doc/doorward/
COPY --from=builder /out/doorward /usr/local/bin/doorward

# The loopback interface of a container is not reachable from outside. Publish 8080 only: 9080 is the management
# listener, for metrics and health checks on a private network.
ENV DOORWARD_DATA_DIR=/var/lib/doorward \
    DOORWARD_SERVER__LISTEN=0.0.0.0:8080 \
    DOORWARD_SERVER__MANAGEMENT_LISTEN=0.0.0.0:9080 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

USER 10001:10001
WORKDIR /var/lib/doorward
VOLUME ["/var/lib/doorward"]
EXPOSE 8080 9080

# Doorward stops gracefully on SIGTERM: requests get 25 s, the last audit summary and running jobs 5 s each.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["doorward", "health"]

ENTRYPOINT ["doorward"]
