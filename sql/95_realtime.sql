-- Last, when every table has its row security.
do $$
begin
  perform core.join_realtime();
end;
$$;
