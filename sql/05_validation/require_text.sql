-- For what people read, in terminals too: an escape sequence in it could clear or forge what they see. A carriage
-- return is accepted where it belongs to a line break of Windows; alone it lets a line be written over.
create or replace function core.require_text(p_argument text, p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason constant text := case
    when not core.is_visible(p_text) then 'is missing or empty'
    when length(p_text) > 10000 then 'is too long'
    when p_text ~ '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]|\r(?!\n)' then 'holds a control character'
  end;
begin
  if v_reason is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', v_reason),
      'Use 1 to 10000 characters, not only spaces; of control characters only line breaks and tabs.'
    );
  end if;
  return true;
end;
$$;
