#!/bin/sh
# What the database needs before the API can start: PostgREST's password, an owner who may make
# schemas, the migrations. supabase/postgres runs it once, on an empty volume.
set -eu

export PGDATABASE="${POSTGRES_DB:-agentcad}"
export PGHOST="${POSTGRES_HOST:-/var/run/postgresql}"
export PGPORT="${POSTGRES_PORT:-5432}"
export PGPASSWORD="$POSTGRES_PASSWORD"

run() {
  psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 "$@"
}

# Passwords come from the environment: an argument could be read in the list of processes. And this one
# statement is logged by no setting.
run --username=supabase_admin <<'SQL'
\set password `printenv AUTHENTICATOR_PASSWORD`
begin;
set local log_statement = 'none';
set local log_min_duration_statement = -1;
set local log_min_error_statement = 'panic';
alter role authenticator with login password :'password';
commit;
alter database :"DBNAME" owner to postgres;
SQL

# The ledger of the Supabase CLI and of `sharedstate init`, so that all three agree.
run --username=postgres <<'SQL'
set client_min_messages = warning;
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text not null primary key,
  statements text[],
  name text
);
SQL

for file in "$SHAREDSTATE_MIGRATIONS"/*.sql; do
  base=$(basename "$file" .sql)
  echo "sharedstate: applying migration $base"
  # The file and its row in the ledger, or neither.
  MIGRATION_FILE="$file" run --username=postgres --single-transaction --file=- \
    --set=version="${base%%_*}" --set=name="${base#*_}" --set=file="$file" <<'SQL'
\i :file
\set text `cat "$MIGRATION_FILE"`
insert into supabase_migrations.schema_migrations (version, statements, name)
values (:'version', array[:'text'], :'name');
notify pgrst, 'reload schema';
SQL
done

# Before the first data: a power failure must not bring this mark back when there is some.
rm -f "$SHAREDSTATE_UNFINISHED"
sync
