#!/usr/bin/env bash
# Creates the user pool, its app client and the demo user.
# Writes the ids to ENV_VARS_FILE (default config/env-vars.json), from which the functions read
# them: ./local-cloud and sam local start-lambda --env-vars take that file.
# The demo user's password is made up once and kept in the secret causal/demo-user.
# shellcheck source=setup-scripts/lib.sh
source "$(dirname "$0")/lib.sh"

name=${USER_POOL_NAME:-causal-users}
client_name=${USER_POOL_CLIENT_NAME:-causal-web}
user=${DEMO_USER:-demo}
user_secret=${DEMO_USER_SECRET:-causal/demo-user}

pool=$(must "user pool $name" cognito-idp list-user-pools --max-results 60 \
  --query "UserPools[?Name=='$name'].Id | [0]" --output text)
if [[ $pool == None ]]; then
  pool=$(must "user pool $name" cognito-idp create-user-pool --pool-name "$name" \
    --policies 'PasswordPolicy={MinimumLength=12,RequireUppercase=true,RequireLowercase=true,RequireNumbers=true,RequireSymbols=true,TemporaryPasswordValidityDays=1}' \
    --auto-verified-attributes email \
    --account-recovery-setting 'RecoveryMechanisms=[{Priority=1,Name=verified_email}]' \
    --query UserPool.Id --output text)
  say "user pool $name"
else
  say "user pool $name (was there)"
fi

client=$(must "app client $client_name" cognito-idp list-user-pool-clients --user-pool-id "$pool" \
  --query "UserPoolClients[?ClientName=='$client_name'].ClientId | [0]" --output text)
if [[ $client == None ]]; then
  client=$(must "app client $client_name" cognito-idp create-user-pool-client \
    --user-pool-id "$pool" --client-name "$client_name" \
    --explicit-auth-flows ALLOW_USER_PASSWORD_AUTH ALLOW_USER_SRP_AUTH ALLOW_REFRESH_TOKEN_AUTH \
    --prevent-user-existence-errors ENABLED --no-generate-secret \
    --query UserPoolClient.ClientId --output text)
  say "app client $client_name"
else
  say "app client $client_name (was there)"
fi

if aws secretsmanager get-secret-value --secret-id "$user_secret" >/dev/null; then
  password=$(must "secret $user_secret" secretsmanager get-secret-value --secret-id "$user_secret" \
    --query SecretString --output text)
else
  password=${DEMO_PASSWORD:-$(must 'random password' secretsmanager get-random-password \
    --password-length 20 --require-each-included-type --exclude-characters "\"'\\\`\$ " \
    --query RandomPassword --output text)}
  # With "=": a password may begin with a dash.
  must "secret $user_secret" secretsmanager create-secret --name "$user_secret" \
    --description "Password of the user $user" "--secret-string=$password" >/dev/null
fi

create "user $user" UsernameExistsException cognito-idp admin-create-user \
  --user-pool-id "$pool" --username "$user" --message-action SUPPRESS
must "password of $user" cognito-idp admin-set-user-password \
  --user-pool-id "$pool" --username "$user" "--password=$password" --permanent

account=$(must 'account' sts get-caller-identity --query Account --output text)
workflow=arn:aws:states:$AWS_DEFAULT_REGION:$account:stateMachine:${STATE_MACHINE_NAME:-agent-workflow}
file=${ENV_VARS_FILE:-$here/../config/env-vars.json}
printf '{"Parameters": {"AWS_ENDPOINT_URL": "%s", "WEBSOCKET_API_ENDPOINT": "%s", "USER_POOL_ID": "%s", "USER_POOL_CLIENT_ID": "%s", "STATE_MACHINE_ARN": "%s"}}\n' \
  "${FUNCTIONS_AWS_ENDPOINT_URL:-$AWS_ENDPOINT_URL}" \
  "${WEBSOCKET_API_ENDPOINT:-http://localhost:8080/dev}" "$pool" "$client" "$workflow" >"$file.new"
mv "$file.new" "$file"
say "ids in $(basename "$file")"
