// Who holds what, for how long, and who waits for it.

import { html, useContext, useMemo } from "./htm-preact.js";
import { duration, number } from "./format.js";
import { Actions, ShowMore, useRows, useSeconds } from "./parts.js";

const STEP = 25;
const WAITERS = 4;

const keyOf = (row) => JSON.stringify([row.resource_type, row.resource_name]);

/** `serverNow()` is the database's clock in ms, which alone says what a lease has left. */
export function Locks({ leases, queue, counts, serverNow, operator, onMore }) {
  useSeconds();
  const listed = leases.length;
  const rows = useRows({ first: STEP, step: STEP, listed, all: counts.leases, onList: onMore });
  const waiting = useMemo(() => Map.groupBy(queue, keyOf), [queue]);
  const now = serverNow();
  return html`<section class="locks" aria-labelledby="locks-title">
    <h2 id="locks-title">
      Locks <span class="count">${number(counts.leases, 0)}</span>
      ${counts.queue > 0 && html`<span class="aside">${number(counts.queue, 0)} waiting</span>`}
    </h2>
    ${listed === 0 && html`<p class="calm">Nothing is locked.</p>`}
    <ul class="rows">
      ${leases.slice(0, rows.shown).map(
        (lease) => html`<${Lease}
          key=${keyOf(lease)}
          lease=${lease}
          left=${Date.parse(lease.expires_at) - now}
          waiters=${waiting.get(keyOf(lease)) ?? []}
          operator=${operator}
        />`,
      )}
    </ul>
    <${ShowMore} ...${rows} all=${counts.leases} what="locks" />
  </section>`;
}

function Lease({ lease, left, waiters, operator }) {
  const act = useContext(Actions);
  const short = left < (lease.ttl_seconds * 1000) / 3;
  return html`<li class="lease">
    <span class="what">
      <bdi class="subject">${lease.resource_name}</bdi>
      ${
        lease.resource_type !== "subsystem" && html`<bdi class="aside">${lease.resource_type}</bdi>`
      }
      <bdi class="holder" title=${`execution ${lease.execution_id}, token ${lease.fencing_token}`}>
        ${lease.locked_by}
      </bdi>
      <span class=${short ? "countdown short" : "countdown"} role="timer" aria-live="off">
        ${duration(left)}
      </span>
    </span>
    ${
      operator &&
      html`<button type="button" class="small" onClick=${() => act({ kind: "release", lease })}>
      Release<span class="spoken"> ${lease.resource_name}</span>
    </button>`
    }
    ${
      waiters.length > 0 &&
      html`<ol class="queue" aria-label=${`waiting for ${lease.resource_name}`}>
      ${waiters
        .slice(0, WAITERS)
        .map((each) => html`<li key=${each.position}><bdi>${each.agent_name}</bdi></li>`)}
      ${waiters.length > WAITERS && html`<li class="rest">${waiters.length - WAITERS} more</li>`}
    </ol>`
    }
  </li>`;
}
