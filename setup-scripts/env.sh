# shellcheck shell=bash
# Whom the AWS CLI asks, as whom, and with which Python. Each can be set from outside.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL:-http://localhost:4566}
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1}
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test}
export AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
export AWS_PAGER=''

if [[ -z ${PYTHON:-} ]]; then
  PYTHON=$here/../.venv/bin/python
  [[ -x $PYTHON ]] || PYTHON=python3
fi
export PYTHON
