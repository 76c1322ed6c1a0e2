#!/usr/bin/env bash
# Makes a backup every day at BACKUP_AT (default 03:00, in the zone TZ) until it is
# stopped. A backup that failed is told by its own log line and figures; the next day's is
# made all the same.
set -euo pipefail
at=${BACKUP_AT:-03:00}
script=${BACKUP_SCRIPT:-/deploy/backup.sh}
if ! [[ $at =~ ^([01][0-9]|2[0-3]):[0-5][0-9]$ ]]; then
    echo "nightly: BACKUP_AT is not an hour and minute such as 03:00" >&2
    exit 64
fi
# A signal ends the wait at once.
trap 'exit 0' TERM INT
while true; do
    now=$(date +%s)
    next=$(date -d "$at" +%s)
    if ((next <= now)); then
        next=$(date -d "tomorrow $at" +%s)
    fi
    echo "nightly: the next backup is at $(date -d "@$next" -Iseconds)"
    sleep $((next - now)) &
    wait $!
    bash "$script" || echo "nightly: the backup failed ($?)" >&2
done
