-- What budgets are made of. An allocation may have any of them, amounts have all.
create or replace function core.quantities()
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  return array['mass_kg', 'cost_usd', 'power_w'];
end;
$$;
