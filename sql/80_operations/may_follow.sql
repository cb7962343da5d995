-- Whether an imported version may come after the latest one here, 0 for none. Versions have no gaps, so one that
-- leaves a gap lacks others; but a restore jumps over numbers. What it numbers anew is made from the version before,
-- unmerged, and what is made after it begins anywhere.
create or replace function core.may_follow(
  p_version integer,
  p_latest integer,
  p_base_version integer,
  p_merged boolean
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_version is null
    or p_version = p_latest + 1
    or (p_version > p_latest and (p_latest = 0 or (p_base_version is not distinct from p_latest and p_merged is not true)));
end;
$$;
