#!/usr/bin/env bash
# Creates the secret that chooses the model. A secret that is there keeps its value.
# The model is asked at Bedrock's API on 4566, where config/models.yaml says what answers: the
# planner, unless it is changed. LLM_SECRET_VALUE sets another value, for example
#   {"provider": "openai", "baseUrl": "http://localhost:11434/v1", "apiKey": "…", "model": "…"}
# shellcheck source=setup-scripts/lib.sh
source "$(dirname "$0")/lib.sh"

create "secret ${LLM_SECRET:-causal/llm}" ResourceExistsException secretsmanager create-secret \
  --name "${LLM_SECRET:-causal/llm}" \
  --description 'Provider and model of the agent' \
  "--secret-string=${LLM_SECRET_VALUE:-{\"provider\": \"bedrock\", \"model\": \"kit.planner-v1:0\"\}}"
