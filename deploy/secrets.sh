#!/bin/sh
# Writes deploy/secrets.env with new secrets, for the compose file. It never overwrites one.
set -eu
cd "$(dirname "$0")"
if [ -e secrets.env ]; then
    echo "deploy/secrets.env is there already; remove it to make new secrets" >&2
    exit 1
fi
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
postgres=$(secret)
cat > secrets.env <<END
JWT_SECRET_KEY=$(secret)
METRICS_TOKEN=$(secret)
POSTGRES_PASSWORD=$postgres
DATABASE_URL=postgresql://postgres:$postgres@postgres:5432/quanttrade
END
echo "deploy/secrets.env is written (mode 0600); keep it out of version control"
