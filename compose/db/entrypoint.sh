#!/bin/sh
# What the container of the database does before the image's own entry point, and still as root.
set -eu

# On the other volume: that of the data has to be empty for a first start.
export SHAREDSTATE_UNFINISHED=/etc/postgresql-custom/sharedstate-first-start
if [ ! -s "${PGDATA:-/var/lib/postgresql/data}/PG_VERSION" ]; then
  touch "$SHAREDSTATE_UNFINISHED"
  # Or a power failure could leave the half of a database, and not this mark.
  sync
elif [ -e "$SHAREDSTATE_UNFINISHED" ]; then
  # The image would start it all the same, with roles that may have more rights than they should.
  echo "sharedstate: the first start of this database broke off, before it held any data." >&2
  echo "sharedstate: start over: docker compose down -v, then docker compose up -d --wait" >&2
  exit 1
fi

# Copies, because Postgres' user cannot read a clone that was made under `umask 077`. The image runs
# the scripts of its folder by name, and passes by the folders in it.
scripts=/docker-entrypoint-initdb.d
export SHAREDSTATE_MIGRATIONS="$scripts/sharedstate/migrations"
rm -rf "$scripts/sharedstate"
cp -R /sharedstate "$scripts/sharedstate"
chmod -R a+rX "$scripts/sharedstate"
# After its own migrate.sh, which makes the roles.
mv "$scripts/sharedstate/db/initialise.sh" "$scripts/zz_sharedstate.sh"

# Whatever statements the image logs by itself: its own script sets passwords by one. At the end of its
# file, where it counts, and not on the command line, where `alter system` could not change it.
settings=/etc/postgresql/postgresql.conf
grep -qx "log_statement = 'none'" "$settings" || printf "\n%s\n" "log_statement = 'none'" >> "$settings"

exec docker-entrypoint.sh "$@"
