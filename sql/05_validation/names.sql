-- Names of workspaces, subsystems, agents, resources and executions: one rule for all of them.
--
-- Agents invent names in their own language. So a name is refused only if part of it cannot be seen, or if it looks
-- like another name. NFC is required because Unicode can write one letter in two ways: two agents would lock two
-- resources. No table checks names. Each function that takes one checks it before it writes, and names the argument in
-- the error. Reads no table and takes no lock.

create or replace function core.require_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason constant text := case
    when p_name is null then 'is missing'
    when p_name = '' then 'is empty'
    when length(p_name) > 128 then 'has more than 128 characters'
    when p_name ~ '[\u0001-\u001F\u007F-\u009F]' then 'has a control character'
    when left(p_name, 1) = ' ' or right(p_name, 1) = ' ' then 'begins or ends with a space'
    -- ASCII, which has one byte a character, is always in NFC.
    when octet_length(p_name) > length(p_name) and p_name is not nfc normalized then 'is not in Unicode NFC'
  end;
begin
  if v_reason is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', v_reason, 'value', left(p_name, 200)),
      'A name has 1 to 128 characters in Unicode NFC, none a control character, and no space at its beginning or end.'
    );
  end if;
  return true;
end;
$$;

create or replace function core.require_optional_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_name is null or core.require_name(p_argument, p_name);
end;
$$;

create or replace function core.require_names(p_argument text, p_names text[])
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_name text;
begin
  if array_ndims(p_names) > 1 or cardinality(p_names) > 1000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is no flat list of up to 1000 names'),
      'Send a list of names.'
    );
  end if;
  foreach v_name in array coalesce(p_names, '{}') loop
    perform core.require_name(p_argument, v_name);
  end loop;
  return true;
end;
$$;
