// What needs a person: found in a board and in the log, without drawing anything.

import { subsystemLink } from "./address.js";
import { duration, moment, number, QUANTITIES, shortened } from "./format.js";

/** A holder that has neither renewed its lease nor logged anything for so long is silent. */
export const SILENT_MS = 5 * 60_000;

export const KINDS = [
  { kind: "conflict", title: "Open conflicts" },
  { kind: "budget", title: "Over budget" },
  { kind: "stale", title: "Stale inputs" },
  { kind: "lease", title: "Leases about to end" },
  { kind: "silent", title: "Silent holders" },
  { kind: "hook", title: "Hooks that failed" },
];

/**
 * Items by kind: {id, kind, subject, text, href?, conflict?, lease?}.
 * `now` is the database's clock, `lastSeen` when each agent wrote to the log last, both in ms.
 */
export function attention(board, { now, lastSeen, failedHooks }) {
  return [
    ...board.conflicts.map(ofConflict),
    ...board.budgets.filter((total) => total.share > 1).map(ofTotal),
    ...board.subsystems.filter((row) => row.within_budget === false).map(ofOverrun),
    ...board.subsystems.filter((row) => row.stale_inputs.length).map(ofStale),
    ...board.leases.flatMap((lease) => ofLease(lease, now, lastSeen)),
    ...failedHooks.map(ofHook),
  ];
}

function ofConflict(conflict) {
  const blocked = conflict.blocks_agents.length
    ? `, blocks ${conflict.blocks_agents.join(", ")}`
    : "";
  return {
    id: `conflict ${conflict.conflict_id}`,
    kind: "conflict",
    subject: `#${conflict.conflict_id} ${conflict.severity}`,
    text: conflict.description,
    more: `${conflict.source_agent} → ${conflict.target_agent}${blocked}`,
    severity: conflict.severity,
    conflict,
  };
}

const quantity = (name) => QUANTITIES.find((each) => each.name === name);

function ofTotal(total) {
  const { label, unit } = quantity(total.quantity);
  return {
    id: `total ${total.quantity}`,
    kind: "budget",
    subject: "all together",
    text: `${label}: ${number(total.used)} of ${number(total.allocated)} ${unit}`,
  };
}

function ofOverrun(row) {
  const over = QUANTITIES.flatMap(({ name, unit }) => {
    const excess = row[`current_${name}`] - row[`budget_${name}`];
    return row[`budget_${name}`] !== null && excess > 0 ? [`${number(excess)} ${unit}`] : [];
  });
  return {
    id: `budget ${row.name}`,
    kind: "budget",
    subject: row.name,
    text: over.length ? `over by ${over.join(", ")}` : "over its budget",
    href: subsystemLink(row.name),
    subsystem: row.name,
  };
}

function ofStale(row) {
  const inputs = row.stale_inputs.map(
    (input) => `${input.subsystem} ${input.document} ${input.seen_version} → ${input.new_version}`,
  );
  return {
    id: `stale ${row.name}`,
    kind: "stale",
    subject: row.name,
    text: inputs.join(", "),
    href: subsystemLink(row.name),
  };
}

/** Who renews does so at a third of the TTL: with less left than that, two are missing. */
function ofLease(lease, now, lastSeen) {
  // Its waiter has a few seconds to say that it is still there.
  if (lease.provisional) return [];
  const left = Date.parse(lease.expires_at) - now;
  const ttl = lease.ttl_seconds * 1000;
  const renewed = Date.parse(lease.expires_at) - ttl;
  const heard = Math.max(renewed, lastSeen.get(lease.locked_by) ?? 0);
  const about = { subject: lease.resource_name, lease };
  const key = `${lease.resource_type} ${lease.resource_name}`;
  if (left < ttl / 3) {
    const text = `${lease.locked_by} has ${duration(left)} left`;
    return [{ ...about, id: `lease ${key}`, kind: "lease", text }];
  }
  if (now - heard > SILENT_MS) {
    const text = `${lease.locked_by} has been silent for ${duration(now - heard)}`;
    return [{ ...about, id: `silent ${key}`, kind: "silent", text }];
  }
  return [];
}

function ofHook(entry) {
  const { event, reason, count } = entry.details;
  const times = count > 1 ? ` (${count} times)` : "";
  const said = reason ? `${event}: ${reason}${times}` : JSON.stringify(entry.details);
  return {
    id: `hook ${entry.id}`,
    kind: "hook",
    subject: entry.agent_name,
    text: `${moment(entry.timestamp)} ${shortened(String(said), 300)}`,
  };
}
