create or replace function core.fail_over_budget(p_subject jsonb, p_overruns jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'over_budget',
    p_subject || jsonb_build_object('overruns', p_overruns),
    'Use less, or have budget moved there: transfer_budget. budget_usage shows what is left where.'
  );
end;
$$;
