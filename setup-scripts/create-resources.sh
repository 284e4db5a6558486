#!/usr/bin/env bash
# Creates everything the agent needs at AWS_ENDPOINT_URL (default http://localhost:4566).
# Running it again changes nothing that is there. Each part can be run by itself, too.
# shellcheck source=setup-scripts/lib.sh
source "$(dirname "$0")/lib.sh"

failed=()
# Cognito last: the file that it leaves has the functions' workers start.
for part in tables buckets secrets state-machine cognito; do
  bash "$here/create-$part.sh" || failed+=("$part")
done
if ((${#failed[@]})); then
  fail "failed: ${failed[*]} (the lines above say why)"
fi
echo 'Every resource is there.'
