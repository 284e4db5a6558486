#!/usr/bin/env bash
# Creates the DynamoDB tables: connections, analyses, events, messages.
# shellcheck source=setup-scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# table NAME ARGUMENT...: an on-demand table whose items expire at expiresAt.
table() {
  local name=$1
  shift
  create "table $name" ResourceInUseException dynamodb create-table \
    --table-name "$name" --billing-mode PAY_PER_REQUEST "$@"
  create "expiry of $name" 'TimeToLive is already enabled' dynamodb update-time-to-live \
    --table-name "$name" \
    --time-to-live-specification Enabled=true,AttributeName=expiresAt
}

# by user: every connection of one user
table "${CONNECTIONS_TABLE:-causal-connections}" \
  --attribute-definitions AttributeName=connectionId,AttributeType=S AttributeName=userId,AttributeType=S \
  --key-schema AttributeName=connectionId,KeyType=HASH \
  --global-secondary-indexes 'IndexName=userId-index,KeySchema=[{AttributeName=userId,KeyType=HASH}],Projection={ProjectionType=KEYS_ONLY}'

# by user and time: a user's latest analyses
table "${ANALYSES_TABLE:-causal-analyses}" \
  --attribute-definitions AttributeName=analysisId,AttributeType=S AttributeName=userId,AttributeType=S AttributeName=createdAt,AttributeType=N \
  --key-schema AttributeName=analysisId,KeyType=HASH \
  --global-secondary-indexes 'IndexName=userId-createdAt-index,KeySchema=[{AttributeName=userId,KeyType=HASH},{AttributeName=createdAt,KeyType=RANGE}],Projection={ProjectionType=ALL}'

# in order of seq: what a client missed
table "${EVENTS_TABLE:-causal-events}" \
  --attribute-definitions AttributeName=analysisId,AttributeType=S AttributeName=seq,AttributeType=N \
  --key-schema AttributeName=analysisId,KeyType=HASH AttributeName=seq,KeyType=RANGE

# in order of position: the conversation
table "${MESSAGES_TABLE:-causal-messages}" \
  --attribute-definitions AttributeName=analysisId,AttributeType=S AttributeName=position,AttributeType=S \
  --key-schema AttributeName=analysisId,KeyType=HASH AttributeName=position,KeyType=RANGE
