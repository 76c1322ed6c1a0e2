# syntax=docker/dockerfile:1.7
# One target per program:
#   docker build --target lesson-svc --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" -t localhost/olm/lesson-svc:0.1.0 .
# Targets: lesson-svc, notify-svc, gateway-rest, bot-gateway, telegram-sim.

ARG RUST_VERSION=1.95.0

# What decides the dependencies, and nothing else.
FROM rust:${RUST_VERSION}-slim-bookworm AS skeleton
WORKDIR /src
COPY . .
RUN sh deploy/skeleton.sh

FROM rust:${RUST_VERSION}-slim-bookworm AS build
WORKDIR /src
# Builds read .sqlx instead of a database. Stripped of line tables, the programs are a
# quarter of their size; panics still name their line.
ENV SQLX_OFFLINE=true \
    CARGO_INCREMENTAL=0 \
    CARGO_TERM_COLOR=never \
    CARGO_PROFILE_RELEASE_DEBUG=none \
    CARGO_PROFILE_RELEASE_STRIP=debuginfo
# The dependencies' layer: built again only when a manifest or the lock file changes.
COPY --from=skeleton /src .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    cargo build --locked --release --bins \
        -p lesson-svc -p notify-svc -p gateway-rest -p bot-gateway -p telegram-sim
COPY . .
# Sources may be older than the empty ones just built, and cargo compares times.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && cargo build --locked --release --bins \
        -p lesson-svc -p notify-svc -p gateway-rest -p bot-gateway -p telegram-sim \
    && mkdir -p empty

# No shell, no package manager; C library, certificate authorities and time zones.
FROM gcr.io/distroless/cc-debian12:nonroot AS runtime
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
LABEL org.opencontainers.image.vendor="Online Lesson Manager" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
# By number: Kubernetes' runAsNonRoot cannot judge a name.
USER 65532:65532
WORKDIR /
STOPSIGNAL SIGTERM

FROM runtime AS lesson-svc
LABEL org.opencontainers.image.title="lesson-svc" \
      org.opencontainers.image.description="People, availability, lessons and bookings over gRPC"
COPY --from=build /src/target/release/lesson-svc /usr/local/bin/lesson-svc
ENV LESSON_LISTEN=0.0.0.0:50051 \
    LESSON_METRICS_LISTEN=0.0.0.0:9464 \
    LESSON_ENVIRONMENT=production \
    LESSON_LOG_FORMAT=json \
    LESSON_REFLECTION=false
EXPOSE 50051 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/usr/local/bin/lesson-svc", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/lesson-svc"]
CMD ["serve"]

FROM runtime AS notify-svc
LABEL org.opencontainers.image.title="notify-svc" \
      org.opencontainers.image.description="What to tell whom and when, and what became of it, over gRPC"
COPY --from=build /src/target/release/notify-svc /usr/local/bin/notify-svc
ENV NOTIFY_LISTEN=0.0.0.0:50052 \
    NOTIFY_METRICS_LISTEN=0.0.0.0:9465 \
    NOTIFY_ENVIRONMENT=production \
    NOTIFY_LOG_FORMAT=json \
    NOTIFY_REFLECTION=false
EXPOSE 50052 9465
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/usr/local/bin/notify-svc", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/notify-svc"]
CMD ["serve"]

FROM runtime AS gateway-rest
LABEL org.opencontainers.image.title="gateway-rest" \
      org.opencontainers.image.description="The HTTP API"
COPY --from=build /src/target/release/gateway-rest /usr/local/bin/gateway-rest
ENV REST_LISTEN=0.0.0.0:8080 \
    REST_METRICS_LISTEN=0.0.0.0:9467 \
    REST_ENVIRONMENT=production \
    REST_LOG_FORMAT=json
EXPOSE 8080 9467
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/usr/local/bin/gateway-rest", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/gateway-rest"]
CMD ["serve"]

FROM runtime AS bot-gateway
LABEL org.opencontainers.image.title="bot-gateway" \
      org.opencontainers.image.description="The holder of a Telegram bot's token"
COPY --from=build /src/target/release/bot-gateway /usr/local/bin/bot-gateway
# Where the journal's volume is mounted; a new volume takes this folder's owner.
COPY --from=build --chown=65532:65532 /src/empty /var/lib/bot-gateway
ENV BOT_LISTEN=0.0.0.0:50053 \
    BOT_METRICS_LISTEN=0.0.0.0:9466 \
    BOT_ENVIRONMENT=production \
    BOT_LOG_FORMAT=json \
    BOT_REFLECTION=false \
    BOT_JOURNAL=/var/lib/bot-gateway/journal.redb
EXPOSE 50053 9466
VOLUME ["/var/lib/bot-gateway"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/usr/local/bin/bot-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/bot-gateway"]
CMD ["serve"]

FROM runtime AS telegram-sim
LABEL org.opencontainers.image.title="telegram-sim" \
      org.opencontainers.image.description="A simulated Telegram for trying the system; never for production"
COPY --from=build /src/target/release/telegram-sim /usr/local/bin/telegram-sim
ENV TELEGRAM_SIM_LISTEN=0.0.0.0:8081
EXPOSE 8081
ENTRYPOINT ["/usr/local/bin/telegram-sim"]
