-- Unknown keys are refused: a misspelt one would be lost without a word.
create or replace function core.require_activities(p_entries jsonb)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_entry jsonb;
  v_place text;
  v_key text;
begin
  if jsonb_typeof(p_entries) is distinct from 'array' or jsonb_array_length(p_entries) not between 1 and 1000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'entries', 'reason', 'is no list of 1 to 1000 entries'),
      'Send a list such as [{"agent_name": "skeleton_agent", "activity": "design_started", "details": {}}].'
    );
  end if;
  for v_entry, v_place in
    select e.value, 'entries.' || (e.ordinality - 1) from jsonb_array_elements(p_entries) with ordinality as e
  loop
    perform core.require_object(v_place, v_entry);
    for v_key in select k.key from jsonb_each(v_entry) as k loop
      if v_key not in ('agent_name', 'activity', 'details')
        or v_key <> 'details' and jsonb_typeof(v_entry -> v_key) <> 'string' then
        perform core.fail(
          'invalid_argument',
          jsonb_build_object('argument', v_place || '.' || v_key, 'reason', 'is unknown or no text'),
          'An entry has agent_name and activity, both text, and perhaps details, an object.'
        );
      end if;
    end loop;
    perform core.require_agent(v_place || '.agent_name', v_entry ->> 'agent_name');
    perform core.require_label(v_place || '.activity', v_entry ->> 'activity');
    perform core.require_object(v_place || '.details', coalesce(v_entry -> 'details', '{}'));
  end loop;
  return true;
end;
$$;
