# shellcheck shell=bash
# What every create-*.sh starts with: names, and AWS CLI calls that say what failed.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=$(basename "$0")

export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL:-http://localhost:4566}
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1}
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test}
export AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
export AWS_PAGER=''

if [[ -z ${PYTHON:-} ]]; then
  PYTHON=$here/../.venv/bin/python
  [[ -x $PYTHON ]] || PYTHON=python3
fi

fail() {
  printf '%s: %s\n' "$script" "$*" >&2
  exit 1
}

say() { printf '  %s\n' "$*"; }

pipes=$(mktemp -d)
mkfifo "$pipes/in" "$pipes/out"
"$PYTHON" "$here/aws-session.py" <"$pipes/in" >"$pipes/out" &
exec 3>"$pipes/in" 4<"$pipes/out"
rm -r "$pipes"

aws_error=''

# aws ARGUMENT...: an AWS CLI command. Prints its output; what it said of an error is in aws_error.
aws() {
  local status output
  printf '%s\0' "$#" "$@" >&3
  IFS= read -r -d '' status <&4 || fail "the AWS CLI does not start; is it installed for $PYTHON?"
  IFS= read -r -d '' output <&4
  IFS= read -r -d '' aws_error <&4
  printf '%s' "$output"
  return "$status"
}

# create NAME ERROR ARGUMENT...: runs a command; ERROR says that NAME is there already.
create() {
  local name=$1 exists=$2
  shift 2
  if aws "$@" >/dev/null; then
    say "$name"
  elif [[ $aws_error == *"$exists"* ]]; then
    say "$name (was there)"
  else
    fail "cannot create $name: ${aws_error//$'\n'/ }"
  fi
}

# must NAME ARGUMENT...: runs a command that has to succeed, and prints its output.
must() {
  local name=$1
  shift
  aws "$@" || fail "$name: ${aws_error//$'\n'/ }"
}

# Waits until the engine answers, at most WAIT_SECONDS (default 60).
wait_for_engine() {
  local until=$((SECONDS + ${WAIT_SECONDS:-60}))
  while ! aws sts get-caller-identity >/dev/null; do
    ((SECONDS < until)) || fail "$AWS_ENDPOINT_URL does not answer: start the cloud first (./local-cloud up). ${aws_error//$'\n'/ }"
    sleep 0.3
  done
}

wait_for_engine
