#!/usr/bin/env bash
# Creates the agent's workflow, or updates it when its definition has changed.
# shellcheck source=setup-scripts/lib.sh
source "$(dirname "$0")/lib.sh"

name=${STATE_MACHINE_NAME:-agent-workflow}
account=$(must 'account' sts get-caller-identity --query Account --output text)
definition=$(<"${WORKFLOW_FILE:-$here/../step-functions/agent-workflow.json}")

# The names that the template's DefinitionSubstitutions give the functions' ARNs.
while read -r placeholder function; do
  definition=${definition//"\${$placeholder}"/"arn:aws:lambda:$AWS_DEFAULT_REGION:$account:function:$function"}
done <<'END'
ParseInitialQueryFunctionArn parse-initial-query
InvokeLlmFunctionArn invoke-llm
DispatchToolFunctionArn dispatch-tool
SendPromptFunctionArn send-prompt
AppendToolOutputFunctionArn append-tool-output
HandleFinishFunctionArn handle-finish
END

arn=arn:aws:states:$AWS_DEFAULT_REGION:$account:stateMachine:$name
role=arn:aws:iam::$account:role/$name
if aws stepfunctions describe-state-machine --state-machine-arn "$arn" >/dev/null; then
  must "state machine $name" stepfunctions update-state-machine --state-machine-arn "$arn" \
    --definition "$definition" >/dev/null
  say "state machine $name (updated)"
elif [[ $aws_error == *StateMachineDoesNotExist* ]]; then
  must "state machine $name" stepfunctions create-state-machine --name "$name" --role-arn "$role" \
    --definition "$definition" >/dev/null
  say "state machine $name"
else
  fail "state machine $name: ${aws_error//$'\n'/ }"
fi
