# shellcheck shell=bash
# What every create-*.sh starts with: names, and AWS CLI calls that say what failed.

set -euo pipefail

# shellcheck source=setup-scripts/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
script=$(basename "$0")

fail() {
  printf '%s: %s\n' "$script" "$*" >&2
  exit 1
}

say() { printf '  %s\n' "$*"; }

# The AWS CLI is kept loaded by a process around the script.
[[ -n ${AWS_CLI_FD:-} ]] || exec "$PYTHON" "$here/with-aws-cli.py" bash "$0" "$@"

aws_error=''

# aws ARGUMENT...: an AWS CLI command. Prints its output; what it said of an error is in aws_error.
aws() {
  local status output
  printf '%s\0' "$#" "$@" >&"$AWS_CLI_FD"
  IFS= read -r -d '' status <&"$AWS_CLI_FD" || fail "the AWS CLI has ended; is it installed for $PYTHON?"
  IFS= read -r -d '' output <&"$AWS_CLI_FD"
  IFS= read -r -d '' aws_error <&"$AWS_CLI_FD"
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
  local until=$((SECONDS + ${WAIT_SECONDS:-60})) address=${AWS_ENDPOINT_URL#*://} host port
  address=${address%%/*} host=${address%%:*} port=${address##*:}
  [[ $port != "$host" ]] || port=443
  # The port first: an AWS CLI that finds it closed tries again after ever longer pauses.
  until (exec 5<>"/dev/tcp/$host/$port") 2>/dev/null && aws sts get-caller-identity >/dev/null; do
    ((SECONDS < until)) || fail "$AWS_ENDPOINT_URL does not answer: start the cloud first (./local-cloud up). ${aws_error//$'\n'/ }"
    sleep 0.1
  done
}

# Once is enough where one script runs others.
[[ -n ${ENGINE_ANSWERS:-} ]] || wait_for_engine
export ENGINE_ANSWERS=yes
