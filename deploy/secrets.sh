#!/bin/sh
# Writes new secrets for the compose file: deploy/secrets.env is the service's, deploy/postgres.env
# the database's. It never overwrites them.
#
# `secrets.sh rotate` replaces what signs tokens and opens the metrics; the password of the database
# stays, because the database has it on its disk.
set -eu
cd "$(dirname "$0")"
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077

if [ "${1:-}" = rotate ]; then
    [ -e secrets.env ] || { echo "deploy/secrets.env is not there: make secrets" >&2; exit 1; }
    grep -v -e '^JWT_SECRET_KEY=' -e '^METRICS_TOKEN=' secrets.env > secrets.env.new
    printf 'JWT_SECRET_KEY=%s\nMETRICS_TOKEN=%s\n' "$(secret)" "$(secret)" >> secrets.env.new
    mv secrets.env.new secrets.env
    echo "deploy/secrets.env has a new JWT_SECRET_KEY and METRICS_TOKEN; now:"
    echo "docker compose -f deploy/compose.yaml up --detach --force-recreate quanttrade-backend"
    exit
fi

for file in secrets.env postgres.env; do
    if [ -e "$file" ]; then
        echo "deploy/$file is there already; '$0 rotate' makes a new key for tokens" >&2
        exit 1
    fi
done
postgres=$(secret)
echo "POSTGRES_PASSWORD=$postgres" > postgres.env
cat > secrets.env <<END
JWT_SECRET_KEY=$(secret)
METRICS_TOKEN=$(secret)
DATABASE_URL=postgresql://postgres:$postgres@postgres:5432/quanttrade
END
echo "deploy/secrets.env and deploy/postgres.env are written (mode 0600); keep them out of version control"
