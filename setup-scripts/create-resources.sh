#!/usr/bin/env bash
# Creates everything the agent needs at AWS_ENDPOINT_URL (default http://localhost:4566).
# Running it again changes nothing that is there.
set -euo pipefail

# shellcheck source=setup-scripts/env.sh
source "$(dirname "$0")/env.sh"
parts=(tables buckets secrets cognito state-machine)

sessions=$(mktemp -d)
pids=()
cleanup() {
  ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
  rm -rf "$sessions"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

for part in "${parts[@]}"; do
  mkdir "$sessions/$part"
  mkfifo "$sessions/$part/in" "$sessions/$part/out"
done
"$PYTHON" "$here/aws-session.py" "${parts[@]/#/$sessions/}" &
pids+=($!)

# They do not depend on each other.
scripts=()
for part in "${parts[@]}"; do
  AWS_SESSION=$sessions/$part bash "$here/create-$part.sh" &
  scripts+=($!)
done
pids+=("${scripts[@]}")

failed=()
for index in "${!parts[@]}"; do
  wait "${scripts[$index]}" || failed+=("${parts[$index]}")
done
if ((${#failed[@]})); then
  printf 'create-resources.sh: failed: %s (the lines above say why)\n' "${failed[*]}" >&2
  exit 1
fi
echo 'Every resource is there.'
