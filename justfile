set positional-arguments

# Shows what there is to do.
default:
    @just --list --unsorted

# Is it sound? Quick, without tests.
check: fmt-check lint layers licences

# All tests, on memory and SQLite. With no PostgreSQL at hand, its tests say so and are skipped.
test *ARGS:
    cargo test --workspace --locked "$@"

# All tests, on memory, SQLite and a throwaway PostgreSQL.
test-postgres *ARGS:
    DOORWARD_REQUIRE_POSTGRES=1 scripts/with-postgres cargo test --workspace --locked "$@"

# Clients, instances that are killed, and the histories of sessions checked, at length: 200 rounds, or as many as named.
torture rounds="200":
    DOORWARD_REQUIRE_POSTGRES=1 DOORWARD_TORTURE_ROUNDS={{ rounds }} scripts/with-postgres \
        cargo test --locked -p doorward --test it torture -- --nocapture

# Attacks on the program from addresses all over 127.0.0.0/8, on both databases, at length: a table of what came of each.
attack scale="10":
    #!/usr/bin/env bash
    set -euo pipefail
    python=$(mktemp -d)
    trap 'rm -rf "$python"' EXIT
    scripts/python-for-tests "$python"
    DOORWARD_TEST_SCHEMATHESIS=$python/bin/schemathesis DOORWARD_REQUIRE_POSTGRES=1 DOORWARD_ATTACK_SCALE={{ scale }} \
        scripts/with-postgres cargo test --locked -p doorward --test it attack -- --nocapture --test-threads=1

# Fuzzes one reader of strangers' words (access_token, client_address, email, refresh_token), guided by coverage.
fuzz target seconds="60":
    scripts/fuzz {{ target }} {{ seconds }}

# Every route that matters beside its limit, written to docs/benchmarks.md. With --quick a first look in three minutes.
bench *ARGS: build-bench
    scripts/with-postgres "${CARGO_TARGET_DIR:-target}/release/doorward-bench" run "$@"

# The same operations with a thousand accounts and with a million, written to docs/benchmarks-scale.md. --users N, --quick.
bench-scale *ARGS: build-bench
    scripts/with-postgres "${CARGO_TARGET_DIR:-target}/release/doorward-bench" scale "$@"

# Where the server's time goes when it is asked for me, refresh or login. Wants perf; writes to target/profile.
flamegraph what="me" *ARGS: build-bench
    "${CARGO_TARGET_DIR:-target}/release/doorward-bench" profile "$@"

# The server first and alone, so that it has the features that it is released with.
[private]
build-bench:
    cargo build --release --locked -p doorward
    cargo build --release --locked -p doorward-bench

# The server on SQLite, with everything it makes in ./data.
run *ARGS:
    cargo run --locked -- "$@"

# The server on a throwaway PostgreSQL, under a master key of its own.
run-postgres *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --locked
    data=$(mktemp -d)
    trap 'rm -rf "$data"' EXIT
    export DOORWARD_DATA_DIR=$data
    export DOORWARD_KEYS__MASTER_KEY=$(head -c 32 /dev/urandom | base64)
    scripts/with-postgres bash -c 'DOORWARD_DATABASE__URL=$DOORWARD_TEST_POSTGRES_URL exec cargo run --quiet --locked -- "$@"' run "$@"

# Formats the code.
fmt:
    cargo fmt --all

[private]
fmt-check:
    cargo fmt --all --check

# Clippy, and the documentation's own warnings.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Does every dependency enter through its room?
layers:
    scripts/check-layers

# Do modules know each other in a circle?
cycles:
    scripts/check-cycles

# Is every licence one that we allow?
licences:
    scripts/check-licences

# Is one of the words back that were replaced by standard terms?
words:
    scripts/check-words

# Writes the golden files anew: the OpenAPI document, the permission matrix. Read the diff before you commit it.
openapi:
    UPDATE_GOLDEN=1 cargo test --workspace --locked

# Everything that a change has to pass.
ci:
    .ci/run

# Doorward over PostgreSQL as in production, in containers. Wants .env and secrets/.
compose *ARGS="up --build --detach --wait":
    docker compose {{ ARGS }}

# Makes the secrets that the containers want, where there are none yet.
compose-secrets dir="secrets":
    #!/usr/bin/env bash
    set -euo pipefail
    umask 077
    mkdir -p "{{ dir }}"
    cd "{{ dir }}"
    for file in postgres_password database_url master_key; do
        if [[ -e $file ]]; then echo "$PWD/$file is there already: nothing is overwritten" >&2; exit 1; fi
    done
    password=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
    printf '%s' "$password" > postgres_password
    printf 'postgres://doorward:%s@postgres:5432/doorward' "$password" > database_url
    head -c 32 /dev/urandom | base64 | tr -d '\n' > master_key
    # Doorward runs as user 10001 in its container, and Compose mounts a file as it is.
    chown 10001:10001 database_url master_key 2>/dev/null ||
        echo "now: sudo chown 10001:10001 $PWD/database_url $PWD/master_key"
