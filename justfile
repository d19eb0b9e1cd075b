set positional-arguments

# Lists the recipes.
default:
    @just --list --unsorted

# Formatting, lints, layers and licences; without tests.
check: fmt-check lint layers licences

# All tests, on memory and SQLite. Tests that need PostgreSQL are skipped with a message if there is none.
test *ARGS:
    cargo test --workspace --locked "$@"

# All tests, on memory, SQLite and a temporary PostgreSQL server.
test-postgres *ARGS:
    DOORWARD_REQUIRE_POSTGRES=1 scripts/with-postgres cargo test --workspace --locked "$@"

# Checks session histories of many clients while instances are killed: 200 rounds by default.
torture rounds="200":
    DOORWARD_REQUIRE_POSTGRES=1 DOORWARD_TORTURE_ROUNDS={{ rounds }} scripts/with-postgres \
        cargo test --locked -p doorward --test it torture -- --nocapture

# Attacks the server from addresses in 127.0.0.0/8, on both databases, and prints a table of results.
attack scale="10":
    #!/usr/bin/env bash
    set -euo pipefail
    python=$(mktemp -d)
    trap 'rm -rf "$python"' EXIT
    scripts/python-for-tests "$python"
    DOORWARD_TEST_SCHEMATHESIS=$python/bin/schemathesis DOORWARD_REQUIRE_POSTGRES=1 DOORWARD_ATTACK_SCALE={{ scale }} \
        scripts/with-postgres cargo test --locked -p doorward --test it attack -- --nocapture --test-threads=1

# Fuzzes a parser of untrusted input (access_token, client_address, email, refresh_token), guided by coverage.
fuzz target seconds="60":
    scripts/fuzz {{ target }} {{ seconds }}

# Measures the main routes against their limits and writes docs/benchmarks.md. --quick: a short run of three minutes.
bench *ARGS: build-bench
    scripts/with-postgres "${CARGO_TARGET_DIR:-target}/release/doorward-bench" run "$@"

# Compares a thousand with a million accounts and writes docs/benchmarks-scale.md. --users N, --quick.
bench-scale *ARGS: build-bench
    scripts/with-postgres "${CARGO_TARGET_DIR:-target}/release/doorward-bench" scale "$@"

# Profiles the server under me, refresh or login requests. Needs perf; writes to target/profile.
flamegraph what="me" *ARGS: build-bench
    "${CARGO_TARGET_DIR:-target}/release/doorward-bench" profile "$@"

# Builds the server separately, so that it has exactly its release features.
[private]
build-bench:
    cargo build --release --locked -p doorward
    cargo build --release --locked -p doorward-bench

# Runs the server on SQLite, with its data in ./data.
run *ARGS:
    cargo run --locked -- "$@"

# Runs the server on a temporary PostgreSQL server, with a temporary master key.
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

# Clippy and rustdoc, without warnings.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Checks the dependencies of each crate.
layers:
    scripts/check-layers

# Rejects cycles between modules.
cycles:
    scripts/check-cycles

# Checks the licences of all dependencies.
licences:
    scripts/check-licences

# Checks the dependencies for known vulnerabilities, if RustSec's database can be reached.
advisories:
    scripts/check-advisories

# Rejects words that were replaced by standard terms.
words:
    scripts/check-words

# Updates the golden files, such as the OpenAPI document and the permission matrix. Read the diff before you commit it.
openapi:
    UPDATE_GOLDEN=1 cargo test --workspace --locked

# Everything that a change must pass.
ci:
    .ci/run

# Runs Doorward with PostgreSQL in containers, as in production. Needs .env and secrets/.
compose *ARGS="up --build --detach --wait":
    docker compose {{ ARGS }}

# Creates the secret files for the containers. Does not overwrite any.
compose-secrets dir="secrets":
    #!/usr/bin/env bash
    set -euo pipefail
    umask 077
    mkdir -p "{{ dir }}"
    cd "{{ dir }}"
    for file in postgres_password database_url master_key; do
        if [[ -e $file ]]; then echo "$PWD/$file exists: nothing is overwritten" >&2; exit 1; fi
    done
    password=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
    printf '%s' "$password" > postgres_password
    printf 'postgres://doorward:%s@postgres:5432/doorward?sslmode=disable' "$password" > database_url
    head -c 32 /dev/urandom | base64 | tr -d '\n' > master_key
    # Doorward runs as user 10001 in its container, and Compose mounts a file as it is.
    chown 10001:10001 database_url master_key 2>/dev/null ||
        echo "now: sudo chown 10001:10001 $PWD/database_url $PWD/master_key"
