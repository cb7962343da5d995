// Entries of the activity log: which of them a filter lets through, and what is said of each.

import { shortened } from "./format.js";

/** Of interest to the database, not to people who watch a design grow. */
export const QUIET = new Set([
  "status_updated",
  "checked_in",
  "started",
  "stopped",
  "dependency_recorded",
  "dependency_removed",
  "budget_reserved",
  "budget_released",
  "conflict_reported",
  "lock_waited",
]);

const isQuiet = (entry) => QUIET.has(entry.activity) || entry.details.importance === "low";

/** The names of a subsystem's own agents, as the database has them. */
export const agentsOf = (subsystem) => [subsystem, `${subsystem}_agent`, `${subsystem}_designer`];

/** Whether it is about a subsystem: named in it, or written by an agent of its own. */
export function isAbout(entry, subsystem) {
  const { details, agent_name } = entry;
  const named = [
    details.subsystem,
    details.on_subsystem,
    details.from_subsystem,
    details.to_subsystem,
  ];
  return named.includes(subsystem) || agentsOf(subsystem).includes(agent_name);
}

/** `filter` may have agent, about (a subsystem), activity, and all: "1" shows quiet ones. */
export const matches = (entry, filter) =>
  (!filter.agent || entry.agent_name === filter.agent) &&
  (!filter.activity || entry.activity === filter.activity) &&
  (!filter.about || isAbout(entry, filter.about)) &&
  (filter.all === "1" || filter.activity || !isQuiet(entry));

/** Several lists as one, newest first, each entry once, at most `limit`. */
export function newestFirst(lists, limit = Infinity) {
  const byId = new Map(lists.flat().map((entry) => [entry.id, entry]));
  const time = (entry) => Date.parse(entry.timestamp);
  return [...byId.values()].sort((a, b) => time(b) - time(a) || b.id - a.id).slice(0, limit);
}

/** One line about what happened: what people wrote first, else the details. */
export function describe({ details }) {
  const said = details.description ?? details.reason ?? details.resolution ?? details.note;
  const about = details.subsystem ?? details.resource_name ?? details.target;
  const parts = [about, said].filter((part) => typeof part === "string");
  const others = Object.entries(details)
    .filter(([, value]) => ["number", "string"].includes(typeof value) && !parts.includes(value))
    .map(([name, value]) => `${name} ${value}`);
  return shortened([...parts, ...others].join(", "), 300);
}
