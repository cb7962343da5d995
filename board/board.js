// The board's data: the last answer of get_board, the entries that came with all of them, and how
// the connection is.

import { useEffect, useLayoutEffect, useRef, useState } from "./htm-preact.js";
import { newestFirst } from "./log.js";
import { poll } from "./polling.js";

const STEP = 100;
const WHOLE_TABLE = 200;
const LONGEST = 1000;
const MOST_ENTRIES = 500;
const MOST_HOOKS = 20;
const DAY_MS = 86_400_000;
const SEEN_HOOKS = "sharedstate.hooks_seen_until";

/** What the page shows of a workspace. `interval` is in ms, Infinity for not by itself. */
export function useBoard(api, interval) {
  const [state, setState] = useState({ board: null, entries: [], hooks: [], seen: seenHooks() });
  const [connection, setConnection] = useState({ state: "connecting" });
  const [limit, setLimit] = useState(STEP);
  // What the polling reads whenever it asks, and what no drawing waits for.
  const now = useRef({ own: false, ids: new Set(), offset: -Infinity, lastSeen: new Map() }).current;
  Object.assign(now, { interval, limit });
  const polling = useRef(null);

  async function ask() {
    const began = Date.now();
    const shared = !now.own;
    now.own = false;
    const board = await api.board(now.limit, shared);
    const serverTime = Date.parse(board.server_time);
    now.offset = offsetOf(serverTime - (began + Date.now()) / 2, now.offset);
    const added = board.entries.filter(({ id }) => !now.ids.has(id));
    // When all of them are new, some may be missing in between: then the feed starts anew.
    const fresh = added.length > 0 && added.length === board.entries.length;
    const hooks = fresh ? await failedHooksOf(api, began) : [];
    now.ids = new Set(board.entries.map(({ id }) => id));
    for (const entry of added) {
      const at = Date.parse(entry.timestamp);
      if (at > (now.lastSeen.get(entry.agent_name) ?? 0)) now.lastSeen.set(entry.agent_name, at);
    }
    setState((before) => merge(before, board, added, hooks, fresh));
    // So many subsystems are shown without a button.
    const rows = Math.min(board.counts.subsystems, WHOLE_TABLE);
    if (rows > now.limit) setLimit(rows);
    const asOf = serverTime - now.offset;
    setConnection({ state: now.interval === Infinity ? "paused" : "live", asOf });
  }

  /** Look at what was just changed. */
  function refresh() {
    now.own = true;
    polling.current.now();
  }

  // Not after the first frame: the first picture waits for the answer.
  useLayoutEffect(() => {
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
    if (state.board) refresh();
  }, [interval, limit]);

  const failedHooks = state.hooks.filter((entry) => Date.parse(entry.timestamp) > state.seen);
  return {
    ...state,
    failedHooks,
    connection,
    lastSeen: now.lastSeen,
    serverNow: () => Date.now() + now.offset,
    refresh,
    more: limit < LONGEST ? () => setLimit(Math.min(limit + STEP, LONGEST)) : null,
    seeHooks() {
      const seen = Math.max(...failedHooks.map((entry) => Date.parse(entry.timestamp)));
      localStorage.setItem(SEEN_HOOKS, String(seen));
      setState((before) => ({ ...before, seen }));
    },
  };
}

/**
 * How far the database's clock is ahead of ours, in ms. A shared answer is up to a second old, so it
 * says too little: the larger offset counts, unless a clock was set.
 */
const offsetOf = (measured, before) =>
  measured < before - 2000 ? measured : Math.max(measured, before);

function stateAfter(error) {
  if (error.status === 401) return "refused";
  // The database has said why, and will say the same again.
  return error.refused ? "failed" : "cut off";
}

/** Those of the last day: the entries of a board may not go back so far. */
const failedHooksOf = (api, now) =>
  api.call("get_recent_activity", {
    activity: "hook_failed",
    since: new Date(now - DAY_MS).toISOString(),
    limit_count: MOST_HOOKS,
  });

/** Until when they were seen, in ms. No number of an entry: a new database begins at 1 again. */
const seenHooks = () => Number(localStorage.getItem(SEEN_HOOKS) ?? 0);

function merge(before, board, added, hooks, fresh) {
  const failed = added.filter((entry) => entry.activity === "hook_failed");
  return {
    ...before,
    board,
    entries:
      fresh || added.length
        ? newestFirst([fresh ? [] : before.entries, added], MOST_ENTRIES)
        : before.entries,
    hooks:
      failed.length || hooks.length
        ? newestFirst([before.hooks, hooks, failed], MOST_HOOKS)
        : before.hooks,
  };
}
