#!/bin/sh
# The operator's calls, by the method's name and a request in JSON:
#
#   deploy/operator.sh GetSending
#   deploy/operator.sh SetSending '{"enabled":true}'
#   deploy/operator.sh --as <user id> CreateTeacher '{"request_id":"…"}'
#
# Methods are those of proto/; docs/operations/security-model.md says which of them the
# operator may call, and which need a person (--as).
#
#   OLM_OPERATOR_KEY        the key; otherwise it is read from
#   OLM_OPERATOR_KEY_FILE   a file; default .run/keys/operator (cargo xtask up), else
#                           deploy/secrets/keys/operator
#   OLM_LESSON, OLM_NOTIFY  where the services are: 127.0.0.1:50051, 127.0.0.1:50052
#
# Needs buf, or Node.js to fetch it. Exit status: buf's own (the call's code × 8), 64 wrong use.
set -eu
cd "$(dirname "$0")/.."

wrong() {
    echo "$0: $1" >&2
    exit 64
}

person=
if [ "${1:-}" = --as ]; then
    person=${2:?--as needs the id of a user}
    shift 2
fi
[ $# -eq 1 ] || [ $# -eq 2 ] || wrong "usage: $0 [--as USER_ID] METHOD [REQUEST]"
request=${2:-"{}"}

method=$(awk -v wanted="$1" '
    FNR == 1 { package = service = "" }
    $1 == "package" { package = $2; sub(/;/, "", package) }
    $1 == "service" { service = $2 }
    $1 == "rpc" { name = $2; sub(/\(.*/, "", name); if (name == wanted) print package "." service "/" name }
' proto/olm/*/v1/*_service.proto)
case $method in
olm.lesson.*) address=${OLM_LESSON:-127.0.0.1:50051} ;;
olm.notify.*) address=${OLM_NOTIFY:-127.0.0.1:50052} ;;
*) wrong "proto/ has no method $1" ;;
esac

if [ -z "${OLM_OPERATOR_KEY:-}" ]; then
    file=${OLM_OPERATOR_KEY_FILE:-}
    for default in .run/keys/operator deploy/secrets/keys/operator; do
        [ -n "$file" ] || [ ! -r "$default" ] || file=$default
    done
    [ -r "$file" ] || wrong "no operator's key: set OLM_OPERATOR_KEY, or OLM_OPERATOR_KEY_FILE"
    OLM_OPERATOR_KEY=$(cat "$file")
fi
# In a file, because arguments are seen by everybody on the machine.
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
printf 'x-service-key: %s\n' "$OLM_OPERATOR_KEY" >"$headers"
[ -z "$person" ] || printf 'x-acting-user: %s\n' "$person" >>"$headers"

buf=buf
command -v buf >/dev/null || buf="npx -y @bufbuild/buf@1.75.0"
# shellcheck disable=SC2086 # a command and its arguments
$buf curl --schema proto --protocol grpc --http2-prior-knowledge -H "@$headers" \
    -d "$request" "http://$address/$method"
