\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select update_subsystem_interfaces(
  'power', '{"volts": 24, "pack": {"kg": 3, "cells": 12}}', 'power_agent'
) is not null as ready \gset
select update_subsystem_interfaces(
  'power', '{"volts": 24, "pack": {"kg": 4, "cells": 12}}', 'shell_agent'
) is not null as ready \gset

select results_eq(
  $$select version, base_version, merged, interfaces from update_subsystem_interfaces(
      'power', '{"volts": 24, "connector": "XT90", "pack": {"kg": 3, "cells": 14}}', 'power_agent', base_version => 1
    )$$,
  $$values (3, 1, true, '{"volts": 24, "connector": "XT90", "pack": {"kg": 4, "cells": 14}}'::jsonb)$$,
  'changes of different parts are put together'
);
select throws_ok(
  $$select update_subsystem_interfaces('power', '{"volts": 24, "pack": {"kg": 5, "cells": 12}}', 'power_agent', 1)$$,
  'PT409', 'stale_version', 'the same part is not changed twice'
);
select throws_ok(
  $$select update_subsystem_interfaces('power', '{}', 'power_agent', base_version => 4)$$,
  'PT404', 'unknown_version', 'nothing is made from a version that is not there'
);
select throws_ok(
  $$select update_subsystem_interfaces('power', '[]', 'power_agent', base_version => 3)$$,
  'PT400', 'invalid_argument', 'a list is no document'
);
select is(
  (update_subsystem_interfaces('power', '{"volts": 24, "pack": {"kg": 4, "cells": 12}}', 'power_agent', 1)).version,
  3,
  'what others have done already is answered with the latest version'
);
select is((select max(version) from subsystem_interfaces), 3, 'and not published again');

select * from finish();
rollback;
