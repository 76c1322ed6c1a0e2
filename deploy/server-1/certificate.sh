#!/bin/sh
# Puts a new certificate before the proxy; certbot runs it after each one it got
# (--deploy-hook), with the folder of certificate and key in RENEWED_LINEAGE. The proxy goes
# on with the old one when it does not take the new one.
set -eu
cd "$(dirname "$0")"
secrets=../secrets/proxy
# Readable to the proxy's user; nobody else gets into the folder above.
install -m 644 "${RENEWED_LINEAGE:?certbot sets it}/fullchain.pem" "$secrets/tls.crt.new"
install -m 644 "$RENEWED_LINEAGE/privkey.pem" "$secrets/tls.key.new"
mv "$secrets/tls.crt.new" "$secrets/tls.crt"
mv "$secrets/tls.key.new" "$secrets/tls.key"
docker compose kill --signal HUP proxy
