#!/bin/sh
# Roles, schemas, extensions, then the roles' passwords: none stands in a command's
# arguments, nor in the server's log. PGHOST, PGUSER, PGDATABASE say where; ROLES (default
# /deploy/roles.sql) and SECRETS (default /run/secrets) name the files.
set -eu
SECRETS=${SECRETS:-/run/secrets}
export SECRETS
PGPASSWORD=$(cat "$SECRETS/password")
export PGPASSWORD
exec psql -X -q -v ON_ERROR_STOP=1 --single-transaction \
    -f "${ROLES:-/deploy/roles.sql}" -f - <<'SQL'
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
\set lesson `cat "$SECRETS/lesson-password"`
\set notify `cat "$SECRETS/notify-password"`
\set backup `cat "$SECRETS/backup-password"`
ALTER ROLE olm_lesson PASSWORD :'lesson';
ALTER ROLE olm_notify PASSWORD :'notify';
ALTER ROLE olm_backup PASSWORD :'backup';
SQL
