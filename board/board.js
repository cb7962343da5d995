// The board's data: the last answer of get_board, the entries that came with all of them, and how
// the connection is.

import { useEffect, useRef, useState } from "./htm-preact.js";
import { newestFirst } from "./log.js";
import { keepUnchanged } from "./parts.js";
import { poll } from "./polling.js";

const STEP = 200;
const LONGEST = 1000;
const MOST_ENTRIES = 500;
const SEEN_HOOKS = "sharedstate.seen_hooks";

const LISTS = {
  subsystems: (row) => row.name,
  conflicts: (row) => row.conflict_id,
  leases: (row) => `${row.resource_type}\n${row.resource_name}`,
};

/** What the page shows of a workspace. `interval` is in ms, Infinity for not by itself. */
export function useBoard(api, interval) {
  const [state, setState] = useState({ board: null, entries: [], hooks: [], seen: seenHooks() });
  const [connection, setConnection] = useState({ state: "connecting" });
  const [limit, setLimit] = useState(STEP);
  // What the polling reads whenever it asks, and what no drawing waits for.
  const now = useRef({ cursor: null, offset: 0, lastSeen: new Map() }).current;
  Object.assign(now, { interval, limit });
  const polling = useRef(null);

  async function ask() {
    const began = Date.now();
    const fresh = now.cursor === null;
    const parameters = { cursor: now.cursor, limit_count: now.limit };
    // What a feed may have missed is looked for in the log itself.
    const [board, hooks] = await Promise.all([
      api.call("get_board", parameters),
      fresh ? api.call("get_recent_activity", { activity: "hook_failed", limit_count: 20 }) : [],
    ]);
    now.offset = Date.parse(board.server_time) - (began + Date.now()) / 2;
    // A page that was hidden for long would read thousands of entries to catch up: it starts anew.
    now.cursor = board.more ? null : board.cursor;
    for (const entry of board.entries) {
      const at = Date.parse(entry.timestamp);
      if (at > (now.lastSeen.get(entry.agent_name) ?? 0)) now.lastSeen.set(entry.agent_name, at);
    }
    setState((before) => merge(before, board, hooks, fresh));
    setConnection({ state: now.interval === Infinity ? "paused" : "live", asOf: Date.now() });
  }

  useEffect(() => {
    polling.current = poll({
      ask,
      interval: () => now.interval,
      failed: (error) =>
        setConnection((before) => ({ ...before, state: stateAfter(error), error })),
    });
    return polling.current.stop;
  }, [api]);
  useEffect(() => {
    // The first question is that of the polling itself.
    if (state.board) polling.current.now();
  }, [interval, limit]);

  const failedHooks = state.hooks.filter((entry) => entry.id > state.seen);
  return {
    ...state,
    failedHooks,
    connection,
    lastSeen: now.lastSeen,
    serverNow: () => Date.now() + now.offset,
    refresh: () => polling.current.now(),
    more: limit < LONGEST ? () => setLimit(limit + STEP) : null,
    seeHooks() {
      const seen = Math.max(state.seen, ...failedHooks.map((entry) => entry.id));
      sessionStorage.setItem(SEEN_HOOKS, String(seen));
      setState((before) => ({ ...before, seen }));
    },
  };
}

function stateAfter(error) {
  if (error.refused) return "refused";
  // The database has said why, and will say the same again.
  return error.status >= 400 && error.status < 500 ? "failed" : "cut off";
}

const seenHooks = () => Number(sessionStorage.getItem(SEEN_HOOKS) ?? 0);

function merge(before, answer, hooks, fresh) {
  const board = { ...answer };
  for (const [name, identity] of Object.entries(LISTS)) {
    board[name] = keepUnchanged(before.board?.[name], answer[name], identity);
  }
  const failed = answer.entries.filter((entry) => entry.activity === "hook_failed");
  const nothingNew = !fresh && answer.entries.length === 0;
  return {
    ...before,
    board,
    entries: nothingNew
      ? before.entries
      : newestFirst([fresh ? [] : before.entries, answer.entries], MOST_ENTRIES),
    hooks:
      failed.length || hooks.length ? newestFirst([before.hooks, hooks, failed], 20) : before.hooks,
  };
}
