#!/usr/bin/env bash
# Creates everything the agent needs at AWS_ENDPOINT_URL (default http://localhost:4566).
# Running it again changes nothing that is there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
parts=(tables buckets secrets cognito state-machine)

# They do not depend on each other.
pids=()
for part in "${parts[@]}"; do
  bash "$here/create-$part.sh" &
  pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null || true' INT TERM

failed=()
for index in "${!parts[@]}"; do
  wait "${pids[$index]}" || failed+=("${parts[$index]}")
done
if ((${#failed[@]})); then
  printf 'create-resources.sh: failed: %s (the lines above say why)\n' "${failed[*]}" >&2
  exit 1
fi
echo 'Every resource is there.'
