#!/bin/sh
# A small agent, with sh and curl alone: lock with waiting, read, write, report a conflict, release.
set -eu
: "${SUPABASE_URL:?see .env}" "${SUPABASE_KEY:?see .env}"
agent=curl_agent
execution="$agent-$$-$(date +%s)"
answer=$(mktemp)
# An error that ends the script is shown, as the database said it.
trap '[ $? = 0 ] || { cat "$answer"; echo; } >&2; rm -f "$answer"' EXIT

new_id() { uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid; }

# call PATH [JSON]: the answer is in the file $answer; fails with the database's error.
# When no answer came, curl sends the same request_id once more, and the database does it once.
call() {
  path=$1
  shift
  # The key goes by standard input, because everybody on a machine sees its arguments.
  status=$(
    curl --silent --show-error --retry 5 --retry-all-errors --max-time 10 --config - \
      --output "$answer" --write-out '%{http_code}' --header 'Content-Type: application/json' \
      --header "x-workspace: ${SHAREDSTATE_WORKSPACE:-default}" ${1:+--data "$1"} \
      "$SUPABASE_URL/rest/v1/$path" <<CONFIG
header = "apikey: $SUPABASE_KEY"
CONFIG
  )
  case $status in 2*) ;; *) return 1 ;; esac
}

# field NAME: a text or a number of the answer. `?select=` keeps answers this small.
field() { sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p' "$answer"; }
# The field `details` of an error is JSON once more, within a text: its quotes are escaped.
detail() { sed -n 's/.*\\"'"$1"'\\": \\"\([^"\\]*\).*/\1/p' "$answer"; }

lock='"resource_type": "subsystem", "resource_name": "shell"'
me="\"execution_id\": \"$execution\""

# 1. Take the lock. An empty list means that somebody holds it, and that we wait in line.
request=$(new_id)
call 'rpc/acquire_lock?select=fencing_token' "{$lock, $me, \"agent_name\": \"$agent\",
  \"ttl_seconds\": 30, \"wait_seconds\": 20, \"request_id\": \"$request\"}"
token=$(field fencing_token)
said=
while [ -z "$token" ]; do
  call 'rpc/wait_for_lock?select=state,position,retry_ms,fencing_token:leases->0->fencing_token' \
    "{\"request_id\": \"$request\"}"
  case $(field state) in
    granted) token=$(field fencing_token) ;;
    waiting)
      [ "$said" ] || echo "waits at place $(field position)"
      said=yes
      sleep "$(echo "$(field retry_ms)" | awk '{ print $1 / 1000 }')" ;;
    *) echo 'waited in vain' && exit 1 ;;
  esac
done
# Confirms a lease that was waited for. A longer job repeats this every 10 s, a third of the TTL.
call rpc/renew_lock "{$lock, $me, \"fencing_token\": $token, \"ttl_seconds\": 30, \"request_id\": \"$(new_id)\"}"
echo 'holds shell'

# 2. Read.
call 'subsystems?select=state&name=eq.shell'
echo "shell was $(field state)"

# 3. Write, with the token: refused with lease_lost if the lease has ended meanwhile.
call 'rpc/update_subsystem_status?select=state,current_mass_kg' "{\"subsystem\": \"shell\", $me, \"fencing_token\": $token,
  \"status\": {\"state\": \"designing\", \"current_mass_kg\": 1.5}, \"request_id\": \"$(new_id)\"}"
echo "shell is $(field state), $(field current_mass_kg) kg"

# 4. A refusal: another execution writes what this one holds.
if ! call rpc/update_subsystem_status "{\"subsystem\": \"shell\", \"execution_id\": \"another-run\",
  \"status\": {\"state\": \"complete\"}, \"request_id\": \"$(new_id)\"}"; then
  echo "refused: $(field message), held by $(detail locked_by)"
fi

# 5. Report a conflict, and settle it.
call 'rpc/log_conflict?select=conflict_id,status' "{\"severity\": \"low\", \"source\": \"$agent\", \"target\": \"system_architect\",
  \"description\": \"The shell needs 0.5 kg more\", \"details\": {\"overage_kg\": 0.5}, $me, \"request_id\": \"$(new_id)\"}"
conflict=$(field conflict_id)
echo "conflict $conflict is $(field status)"
call 'rpc/resolve_conflict?select=status' "{\"conflict_id\": $conflict, \"resolution\": \"It stays within its budget.\",
  \"resolved_by\": \"$agent\", $me, \"request_id\": \"$(new_id)\"}"
echo "conflict $conflict is $(field status)"

# 6. Release. An empty list would mean that the lease had ended before.
call 'rpc/release_lock?select=fencing_token' "{$lock, $me, \"fencing_token\": $token, \"request_id\": \"$(new_id)\"}"
[ "$(field fencing_token)" ] && echo released
