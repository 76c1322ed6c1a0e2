#!/bin/sh
# Makes every secret of an installation that is not there yet, and the digests by which
# services know their callers, below one folder: deploy/keys.sh deploy/secrets
#
# One folder per container; compose mounts folders, not files, so that a key that is
# replaced by renaming another file onto it is seen at once. The outer folder is the
# owner's alone; the files within are readable, because containers read them as users of
# their own. What exists is kept: run it again whenever something is added.
#
# To rotate the key of one caller: deploy/keys.sh deploy/secrets --next lesson-svc makes
# the next key, whose digest the services then know beside the current one;
# --switch lesson-svc has the caller show it; --retire lesson-svc ends the old one.
set -eu
umask 022

if [ $# -ne 1 ] && [ $# -ne 3 ]; then
    echo "usage: $0 FOLDER [--next|--switch|--retire CALLER]" >&2
    exit 64
fi
folder=$1
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
mkdir -p keys postgres lesson-svc notify-svc gateway-rest bot-gateway proxy backup grafana alertmanager
chmod 700 keys

# Callers with the right to speak for people, and without it; and who may send traces and
# figures, which the proxy judges.
acting="bot-gateway gateway-rest operator website"
plain="lesson-svc crm"
reporting="otlp"

# Reads standard input into a file, never seen half written.
put() {
    cat >"$1.new"
    mv "$1.new" "$1"
}

random() {
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# A random value in a file of its own, made once.
once() {
    [ -s "$1" ] || random | put "$1"
}

digest() {
    tr -d '\n' <"$1" | sha256sum | cut -d ' ' -f 1
}

# `caller[+act_as]=<digest>` of each caller, of its next or last key too.
callers() {
    separator=
    for caller in "$@"; do
        right=
        case " $acting " in *" $caller "*) right=+act_as ;; esac
        for key in "keys/$caller" "keys/$caller.next" "keys/$caller.last"; do
            if [ -s "$key" ]; then
                printf '%s%s%s=%s' "$separator" "$caller" "$right" "$(digest "$key")"
                separator=,
            fi
        done
    done
    echo
}

known() {
    case " $acting $plain $reporting " in
    *" $1 "*) ;;
    *)
        echo "$0: there is no caller $1; there are: $acting $plain $reporting" >&2
        exit 64
        ;;
    esac
}

if [ $# -eq 3 ]; then
    known "$3"
    key=keys/$3
    case $2 in
    --next)
        if [ -e "$key.last" ]; then
            echo "$0: $3 still has an old key: --retire it first" >&2
            exit 1
        fi
        once "$key.next"
        ;;
    --switch)
        if [ ! -s "$key.next" ]; then
            echo "$0: $3 has no next key: --next first" >&2
            exit 1
        fi
        cp "$key" "$key.last"
        mv "$key.next" "$key"
        ;;
    --retire) rm -f "$key.last" ;;
    *)
        echo "$0: $2 is none of --next, --switch, --retire" >&2
        exit 64
        ;;
    esac
fi

for caller in $acting $plain $reporting; do
    once "keys/$caller"
done

# Whom each service admits.
callers bot-gateway gateway-rest operator | put lesson-svc/callers
callers lesson-svc bot-gateway gateway-rest operator | put notify-svc/callers
callers website crm | put gateway-rest/callers

# What each caller shows.
put lesson-svc/notify-key <keys/lesson-svc
put gateway-rest/lesson-key <keys/gateway-rest
put gateway-rest/notify-key <keys/gateway-rest
put bot-gateway/lesson-key <keys/bot-gateway
put bot-gateway/notify-key <keys/bot-gateway

# Traces and figures of server 2 come with a key of their own, which the proxy checks.
put bot-gateway/otlp-key <keys/otlp
for key in keys/otlp keys/otlp.next keys/otlp.last; do
    [ ! -s "$key" ] || printf '"%s" 1;\n' "$(cat "$key")"
done | put proxy/otlp-keys.map

# What tokens and signatures are made from: never replaced by this script.
once lesson-svc/invitation-secret
once notify-svc/webhook-key

# The database: its superuser, a role for each service, and one that may only read.
once postgres/password
once postgres/lesson-password
once postgres/notify-password
once postgres/backup-password
put backup/password <postgres/backup-password
for service in lesson notify; do
    printf 'postgres://olm_%s:%s@postgres:5432/olm?sslmode=disable\n' \
        "$service" "$(cat postgres/$service-password)" | put "$service-svc/database-url"
done

# Grafana's administrator.
once grafana/password

chmod 755 postgres lesson-svc notify-svc gateway-rest bot-gateway proxy backup grafana \
    alertmanager
echo "secrets are in $(pwd); a bot's token goes to bot-gateway/token"
