-- One rule for every name: workspaces, subsystems, agents, resources, executions. Agents invent names in their own
-- language, so only what cannot be seen, or looks like another name, is refused: `NFC` because the same letter can be
-- written in two ways, and two agents would not find each other's lock.
create or replace function core.name_fault(p_name text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_name is null then 'is missing'
    when p_name = '' then 'is empty'
    when length(p_name) > 128 then 'has more than 128 characters'
    when p_name ~ '[\u0001-\u001F\u007F-\u009F]' then 'has a control character'
    when p_name ~ '^ | $' then 'begins or ends with a space'
    when p_name is not nfc normalized then 'is not in Unicode NFC'
  end;
end;
$$;

comment on function core.name_fault(text) is
'Why this is no name; null where it is one.';
