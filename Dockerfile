# syntax=docker/dockerfile:1

# GraphiQL, which Hale embeds.
FROM node:22-bookworm-slim AS explorer
WORKDIR /explorer
COPY api/explorer/package.json api/explorer/package-lock.json ./
RUN npm ci --ignore-scripts
COPY api/explorer ./
RUN npx vite build

FROM rust:1.95-slim-bookworm AS build
WORKDIR /hale
COPY . .
COPY --from=explorer /explorer/dist api/explorer/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/hale/target \
    cargo build --release --locked -p api && cp target/release/hale /usr/local/bin/hale

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/hale --shell /usr/sbin/nologin hale \
    && install --directory --owner=hale --group=hale --mode=0711 /var/lib/hale
COPY --from=build /usr/local/bin/hale /usr/local/bin/hale
USER hale
# The data folder holds the keys that sign tokens; the data are in PostgreSQL.
ENV HALE_LISTEN=0.0.0.0:8080 HALE_DATA_DIR=/var/lib/hale HALE_LOG_FORMAT=json
VOLUME /var/lib/hale
EXPOSE 8080
# Hale asks itself, so the image needs no HTTP client.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["hale", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["hale"]
CMD ["serve"]
