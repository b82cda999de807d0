# One image with both programs and nothing else: no shell, no libraries, no package manager.
#
#   docker build -t quorate:0.1.0 .
#
# compiles in the first stage. To use binaries that are compiled already (static ones: see
# RUSTFLAGS below), let a folder that holds them stand for the stage `binaries`. Then no image is
# pulled and nothing is compiled, so it works offline, and without the right to make containers:
#
#   buildah bud --isolation chroot --storage-driver vfs \
#     --build-context binaries=DIR -t localhost/quorate:0.1.0 .
#   docker buildx build --build-context binaries=DIR -t quorate:0.1.0 .

# Not the slim one: the memory allocator is compiled by make.
ARG RUST_IMAGE=rust:1.95-bookworm

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
# The target is named, although it is the machine's own: flags then apply to the programs only, and
# not to build scripts and macros, which cannot be linked statically. Kernels for ARM have pages of
# up to 64 KiB, which the allocator must know when it is made.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    set -eu; \
    target="$(rustc -vV | sed -n 's/^host: //p')"; \
    case "$target" in aarch64-*) export JEMALLOC_SYS_WITH_LG_PAGE=16 ;; esac; \
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release --target "$target" \
      -p quorate-node -p quorate-operator; \
    mkdir /out; \
    cp "target/$target/release/quorate-node" "target/$target/release/quorate-operator" /out/

FROM scratch AS binaries
COPY --from=build /out/ /

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Quorate" \
      org.opencontainers.image.description="A ZooKeeper-compatible replicated server and its Kubernetes operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=binaries --chmod=0555 /quorate-node /quorate-operator /
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
# Where ZooKeeper's official image has them; its other variables (ZOO_MY_ID, ZOO_SERVERS, ...) work,
# too. Flags win, and whoever gives --data-dir or --config, as the operator does, is not concerned.
ENV ZOO_CONF_DIR=/conf ZOO_DATA_DIR=/data ZOO_DATA_LOG_DIR=/datalog
# Made by that user, so it may write there.
WORKDIR /data
WORKDIR /datalog
WORKDIR /
VOLUME ["/data", "/datalog"]
EXPOSE 2181 2888 8080
CMD ["/quorate-node", "run"]
