-- The one place that raises. The message is the bare slug because PostgREST copies it unescaped into
-- the HTTP status line; data travels in DETAIL as a JSON object, what to do next in HINT.
-- PTxyz makes PostgREST answer with HTTP status xyz.
create or replace function core.fail(p_slug text, p_detail jsonb, p_hint text default null)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_sqlstate constant text := case p_slug
    when 'invalid_argument' then 'PT400'
    when 'agent_mismatch' then 'PT403'
    when 'unknown_workspace' then 'PT404'
    when 'unknown_conflict' then 'PT404'
    when 'unknown_version' then 'PT404'
    when 'request_id_reused' then 'PT409'
    when 'lease_lost' then 'PT409'
    when 'deadlock' then 'PT409'
    when 'stale_version' then 'PT409'
    when 'over_budget' then 'PT409'
    when 'reservation_lost' then 'PT409'
    when 'stale_inputs' then 'PT409'
    when 'conflict_already_resolved' then 'PT409'
    when 'conflict_not_resolved' then 'PT409'
    when 'conflict_duplicate' then 'PT409'
    when 'log_restored' then 'PT409'
    when 'export_too_large' then 'PT413'
    when 'resource_locked' then 'PT423'
  end;
begin
  raise exception using
    errcode = v_sqlstate,
    message = p_slug,
    detail = coalesce(p_detail, '{}')::text,
    hint = coalesce(p_hint, '');
end;
$$;

comment on function core.fail(text, jsonb, text) is
'Raises one of the documented errors; an unknown slug is itself an error.';
