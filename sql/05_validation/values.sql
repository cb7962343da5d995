-- Numbers, times, and arguments that must not be null.
--
-- A number that was sent is jsonb until it is known to be a JSON number: a cast would accept the string "NaN".
-- An amount is a mass (kg), a cost (USD) or a power (W): at least 0, less than 1e12, rounded to six decimals. Rounded,
-- because programs that compute with doubles send 0.30000000000000004 for 0.3, and that would exceed a budget of 0.3.
-- Reads no table and takes no lock.

-- For arguments of other types, which have no check that refuses null: in JSON each of them may be null.
create or replace function core.require_present(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_value is not null or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', 'is missing'),
    'Send a value instead of null, or leave the argument out if it has a default.'
  );
end;
$$;

create or replace function core.require_past(p_argument text, p_time timestamptz)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(p_time <= clock_timestamp(), false) or core.fail(
    'invalid_argument',
    jsonb_build_object(
      'argument', p_argument,
      'reason', case when p_time is null then 'is missing' else 'lies in the future' end,
      'value', p_time
    ),
    'Use a time that is over, with its zone.'
  );
end;
$$;

create or replace function core.require_whole_number(
  p_argument text,
  p_value jsonb,
  p_least bigint,
  p_most bigint
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_number constant numeric := case when jsonb_typeof(p_value) = 'number' then p_value::numeric end;
begin
  if (v_number between p_least and p_most and v_number = trunc(v_number)) is not true then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is out of range', 'value', left(p_value::text, 200)),
      format('Use a whole number from %s to %s.', p_least, p_most)
    );
  end if;
  return true;
end;
$$;

create or replace function core.round_amount(p_amount numeric)
returns numeric
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case when scale(p_amount) > 6 then trim_scale(round(p_amount, 6)) else p_amount end;
end;
$$;

-- Both must be an amount: what was sent, and what it is rounded to.
create or replace function core.require_amount(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amount constant numeric := case when jsonb_typeof(p_value) = 'number' then p_value::numeric end;
begin
  return coalesce(v_amount >= 0 and round(v_amount, 6) < 1000000000000, false) or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', 'is not an amount', 'value', left(p_value::text, 200)),
    'Use a JSON number of at least 0 and less than 1e12.'
  );
end;
$$;
