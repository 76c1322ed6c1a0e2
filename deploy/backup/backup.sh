#!/usr/bin/env bash
# Backs the database up: one compressed dump of both schemas with its checksum (OLM-6).
#
#   PGHOST PGPORT PGUSER PGDATABASE …   whom to ask, as every PostgreSQL client reads them;
#   PGPASSWORD_FILE                     the password in a file, instead of PGPASSWORD
#   BACKUP_DIRECTORY                    where backups are kept; required
#   BACKUP_KEEP_DAYS                    older ones are removed after a good one; default 7
#   BACKUP_METRICS                      what Prometheus reads (node-exporter's textfile
#                                       collector); default $BACKUP_DIRECTORY/metrics/olm_backup.prom
#
# Exit status: 0 done, 1 failed, 64 wrong settings, 75 another backup is running. What fails
# removes nothing: old backups go only after a new one was read back.
# Needs bash, GNU coreutils, flock, and pg_dump of the server's version or a newer one.
set -euo pipefail
umask 077

say() { printf '%s backup: %s\n' "$(date -u +%FT%TZ)" "$*" >&2; }
wrong() { say "$*"; exit 64; }

directory=${BACKUP_DIRECTORY:-}
keep_days=${BACKUP_KEEP_DAYS:-7}
[[ -n $directory ]] || wrong "BACKUP_DIRECTORY is required"
[[ $keep_days =~ ^[1-9][0-9]{0,3}$ ]] || wrong "BACKUP_KEEP_DAYS is not a number of days from 1"
if [[ -n ${PGPASSWORD_FILE:-} ]]; then
    [[ -r $PGPASSWORD_FILE ]] || wrong "PGPASSWORD_FILE cannot be read"
    PGPASSWORD=$(<"$PGPASSWORD_FILE")
    export PGPASSWORD
fi
metrics=${BACKUP_METRICS:-$directory/metrics/olm_backup.prom}
# Figures are read by somebody else; the dumps themselves stay their owner's.
made() { [[ -d $2 ]] || { mkdir -p "$2" && chmod "$1" "$2"; }; }
made 0711 "$directory"
made 0755 "$(dirname "$metrics")"

exec 9>"$directory/.lock"
flock --nonblock 9 || { say "another backup is running"; exit 75; }

# Names hold the instant, so that their order is that of time: olm-20261121T030000Z.dump.
names() { find "$directory" -maxdepth 1 -type f -name 'olm-????????T??????Z.dump' -printf '%f\n' | sort; }
is_good() { (cd "$directory" && sha256sum --check --status "$1.sha256") 2>/dev/null; }
last_good() {
    local name
    while read -r name; do
        if is_good "$name"; then printf '%s\n' "$name"; return; fi
    done < <(names | sort --reverse)
}
instant_of() { # olm-20261121T030000Z.dump -> seconds since 1970
    local at=${1#olm-}
    date -u -d "${at:0:4}-${at:4:2}-${at:6:2}T${at:9:2}:${at:11:2}:${at:13:2}Z" +%s
}

begun=$(date -u +%s)
name="olm-$(date -u -d "@$begun" +%Y%m%dT%H%M%SZ).dump"
unfinished="$directory/.unfinished"

told() { # 1 when it is done, else 0
    local good size=0 at=0
    good=$(last_good)
    if [[ -n $good ]]; then
        size=$(stat --format=%s "$directory/$good")
        at=$(instant_of "$good")
    fi
    cat >"$metrics.next" <<METRICS
# HELP olm_backup_last_success_timestamp_seconds When the newest good backup was begun; 0: there is none.
# TYPE olm_backup_last_success_timestamp_seconds gauge
olm_backup_last_success_timestamp_seconds $at
# HELP olm_backup_last_attempt_timestamp_seconds When the last backup was begun.
# TYPE olm_backup_last_attempt_timestamp_seconds gauge
olm_backup_last_attempt_timestamp_seconds $begun
# HELP olm_backup_last_attempt_succeeded Whether it was done.
# TYPE olm_backup_last_attempt_succeeded gauge
olm_backup_last_attempt_succeeded $1
# HELP olm_backup_last_attempt_duration_seconds How long it took.
# TYPE olm_backup_last_attempt_duration_seconds gauge
olm_backup_last_attempt_duration_seconds $(($(date -u +%s) - begun))
# HELP olm_backup_size_bytes Size of the newest good backup.
# TYPE olm_backup_size_bytes gauge
olm_backup_size_bytes $size
METRICS
    chmod 0644 "$metrics.next"
    mv -f "$metrics.next" "$metrics"
}

done=0
ended() {
    local status=$?
    rm -f "$unfinished" "$unfinished.sha256"
    told "$done" || say "$metrics cannot be written"
    [[ $done == 1 ]] || say "FAILED; the backups before it are as they were"
    exit "$status"
}
trap ended EXIT
trap 'exit 1' INT TERM

[[ ! -e $directory/$name ]] || { say "$directory/$name is there already"; exit 1; }
# A backup that would take long behind a lock is better begun anew than waited for.
pg_dump --format=custom --compress=6 --schema=lesson --schema=notify \
    --lock-wait-timeout=60s --no-password --file="$unfinished"
# Read back: a dump that ends early has no list, or not what the services keep.
list=$(pg_restore --list "$unfinished")
for table in "lesson lessons" "notify notifications" "notify sending"; do
    grep -q " TABLE DATA $table " <<<"$list" || { say "the dump has no table ${table/ /.}"; exit 1; }
done
sync "$unfinished"
sum=$(sha256sum "$unfinished")
printf '%s  %s\n' "${sum%% *}" "$name" >"$unfinished.sha256"
mv --no-clobber "$unfinished.sha256" "$directory/$name.sha256"
mv --no-clobber "$unfinished" "$directory/$name"
is_good "$name" || { say "$name does not fit its checksum"; exit 1; }
done=1
say "$directory/$name, $(stat --format=%s "$directory/$name") bytes"

# The new one is good, so the last good one is never among those that go.
oldest=$((begun - keep_days * 86400))
while read -r old; do
    if [[ $old != "$name" ]] && (($(instant_of "$old") < oldest)); then
        rm -f "$directory/$old" "$directory/$old.sha256"
        say "removed $old, older than $keep_days days"
    fi
done < <(names)
