#!/usr/bin/env bash
# Restores a backup into an empty database: restore.sh <backup.dump>
#
#   PGHOST PGPORT PGUSER PGDATABASE …   the empty database, as its superuser (or a member of
#                                       olm_lesson and olm_notify), after migrations/roles.sql
#   PGPASSWORD_FILE                     the password in a file, instead of PGPASSWORD
#
# All or nothing, in one transaction. What is there is never overwritten. Afterwards sending is
# off until an operator switches it on (docs/operations/backup-and-restore.md).
# Exit status: 0 done, 1 failed and nothing changed, 64 wrong settings.
set -euo pipefail
umask 077

say() { printf '%s restore: %s\n' "$(date -u +%FT%TZ)" "$*" >&2; }
refuse() { say "$*; nothing was changed"; exit 1; }

[[ $# == 1 ]] || { say "usage: restore.sh <backup.dump>"; exit 64; }
dump=$1
[[ -n ${PGDATABASE:-} ]] || { say "PGDATABASE is required"; exit 64; }
if [[ -n ${PGPASSWORD_FILE:-} ]]; then
    [[ -r $PGPASSWORD_FILE ]] || { say "PGPASSWORD_FILE cannot be read"; exit 64; }
    PGPASSWORD=$(<"$PGPASSWORD_FILE")
    export PGPASSWORD
fi
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning"

[[ -r $dump ]] || refuse "$dump cannot be read"
[[ -r $dump.sha256 ]] || refuse "$dump.sha256 is missing: what the backup should be is not known"
sum=$(sha256sum "$dump")
expected=$(<"$dump.sha256")
[[ ${sum%% *} == "${expected%% *}" ]] || refuse "$dump does not fit its checksum"

ask() { psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$1"; }
schemas=$(ask "SELECT count(*) FROM pg_namespace WHERE nspname IN ('lesson', 'notify')")
[[ $schemas == 2 ]] || refuse "database $PGDATABASE has no schemas lesson and notify: run migrations/roles.sql in it first"
found=$(ask "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg\\_%'")
[[ $found == 0 ]] || refuse "database $PGDATABASE is not empty ($found tables, views and sequences)"

list=$(mktemp)
trap 'rm -f "$list"' EXIT
# roles.sql made the schemas, with their owners.
pg_restore --list "$dump" | grep -v '^[0-9; ]* SCHEMA - ' >"$list"

# What psql is given ends with a statement that fails unless pg_restore came to its end, so
# that a half never commits. The mark has the copy recognised even where it takes the place of
# its original in the same database (docs/decisions/0021).
mark="UPDATE notify.sending SET database = 'restored';"
broken="DO \$\$ BEGIN RAISE EXCEPTION 'the dump could not be read to its end'; END \$\$;"
{ { pg_restore --use-list="$list" --file=- "$dump" && printf '%s\n' "$mark"; } || printf '%s\n' "$broken"; } |
    psql --no-psqlrc --no-password --quiet --single-transaction --set=ON_ERROR_STOP=1 --output=/dev/null ||
    refuse "the restore failed"
# Without figures of its tables PostgreSQL plans badly until it has looked by itself.
ask "ANALYZE" >/dev/null || say "ANALYZE failed; run it by hand"
lessons=$(ask "SELECT count(*) FROM lesson.lessons")
say "done: $lessons lessons. Run the migrate step of the release to be started, then the services."
say "Sending is OFF. Make sure that nothing sends from the original, then: SetSending {\"enabled\":true}"
