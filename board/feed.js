// The activity feed: live, filtered, held, and searched back page by page.

import { html, useEffect, useMemo, useRef, useState } from "./htm-preact.js";
import { replaceAddress } from "./address.js";
import { clock, count, moment } from "./format.js";
import { describe, matches, newestFirst } from "./log.js";
import { memo } from "./parts.js";

const PAGE = 100;
const AT_FIRST = 30;
const MOST_FOUND = 2000;
const LONGEST_DETAILS = 20_000;

/** `live` are the entries that came with boards, newest first. */
export function Feed({ api, live, filter, subsystems }) {
  const { agent, about, activity, all } = filter;
  const search = useSearch(api, agent, activity);
  const [held, setHeld] = useState(null);
  const [limit, setLimit] = useState(AT_FIRST);
  const through = (list) => list.filter((entry) => matches(entry, filter));
  const entries = useMemo(
    () => through(newestFirst([held ?? live, search.found])),
    [held ?? live, search.found, agent, about, activity, all],
  );
  const waiting = held ? through(live).filter((entry) => !held.includes(entry)).length : 0;
  const shown = entries.slice(0, limit);

  async function older() {
    if (limit < entries.length) return setLimit(limit + PAGE);
    await search.older();
    setLimit(limit + PAGE);
  }

  return html`<section class="feed" aria-labelledby="feed-title">
    <div class="title">
      <h2 id="feed-title">Activity</h2>
      <button
        type="button"
        class="small"
        aria-pressed=${held ? "true" : "false"}
        onClick=${() => setHeld(held ? null : live)}
      >
        ${held ? `Go on${waiting ? ` (${waiting} new)` : ""}` : "Hold"}
      </button>
    </div>
    <${Filters} filter=${filter} live=${live} subsystems=${subsystems} />
    ${shown.length === 0 && html`<p class="calm">No entry that the filters let through.</p>`}
    <ul class="rows entries">
      ${shown.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} />`)}
    </ul>
    <p class="more">
      <span role="status">${search.problem || searched(search, entries)}</span>
      ${
        (search.more || limit < entries.length) &&
        html`<button type="button" disabled=${search.busy} onClick=${older}>Older entries</button>`
      }
    </p>
  </section>`;
}

function searched({ back, more, busy }, entries) {
  if (busy) return "Searching.";
  if (!more) return `${count(entries.length, "entry", "entries")} back to the beginning.`;
  return back ? `Searched back to ${moment(back)}.` : "";
}

/** Pages of get_recent_activity for a filter, and a way to the next one. */
function useSearch(api, agent, activity) {
  const nothing = { found: [], back: null, more: true, busy: false, problem: "" };
  const [state, setState] = useState(nothing);
  const latest = useRef(null);

  async function page(before_id) {
    const turn = (latest.current = Symbol("search"));
    setState((now) => ({ ...now, busy: true, problem: "" }));
    let next;
    try {
      const found = await api.call("get_recent_activity", {
        limit_count: PAGE,
        agent_name: agent || null,
        activity: activity || null,
        before_id,
      });
      next = (now) => ({
        found: [...now.found, ...found].slice(-MOST_FOUND),
        back: found.at(-1)?.timestamp ?? now.back,
        more: found.length === PAGE && now.found.length + PAGE < MOST_FOUND,
        busy: false,
        problem: "",
      });
    } catch (error) {
      next = (now) => ({ ...now, busy: false, problem: `${error.message}. ${error.hint ?? ""}` });
    }
    // Unless another filter was chosen meanwhile.
    if (latest.current === turn) setState(next);
  }

  useEffect(() => {
    setState(nothing);
    page(null);
  }, [api, agent, activity]);

  return { ...state, older: () => page(state.found.at(-1)?.id ?? null) };
}

function Filters({ filter, live, subsystems }) {
  const distinct = (name) => [...new Set(live.map((entry) => entry[name]))].sort().slice(0, 500);
  const field = (name, label, options) =>
    html`<${Filter} name=${name} label=${label} options=${options} value=${filter[name] ?? ""} />`;
  return html`<form
    class="filters"
    role="search"
    aria-label="Activity"
    onSubmit=${(event) => event.preventDefault()}
  >
    ${field("agent", "Agent", distinct("agent_name"))}
    ${field("about", "Subsystem", subsystems)}
    ${field("activity", "Activity", distinct("activity"))}
    <label class="check">
      <input
        type="checkbox"
        checked=${filter.all === "1"}
        onChange=${(event) => replaceAddress({ all: event.target.checked ? "1" : null })}
      />
      <span>Also the unimportant</span>
    </label>
  </form>`;
}

function Filter({ name, label, options, value }) {
  // While it is typed a board may come, and must not put back what the address has.
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  return html`<label>
    <span>${label}</span>
    <input
      type="search"
      name=${name}
      list=${`known-${name}`}
      maxlength="128"
      value=${typed}
      onInput=${(event) => setTyped(event.target.value)}
      onChange=${() => replaceAddress({ [name]: typed.trim() })}
    />
    <datalist id=${`known-${name}`}>
      ${options.map((option) => html`<option key=${option} value=${option}></option>`)}
    </datalist>
  </label>`;
}

const Entry = memo(({ entry }) => {
  const [open, setOpen] = useState(false);
  const said = describe(entry);
  const at = moment(entry.timestamp);
  const text = open ? JSON.stringify(entry.details, null, 2) : "";
  return html`<li class="entry">
    <details open=${open} onToggle=${(event) => setOpen(event.target.open)}>
      <summary>
        <time datetime=${entry.timestamp} title=${at}>${clock(entry.timestamp)}</time>
        <bdi class="subject">${entry.agent_name}</bdi>
        <bdi class="activity ${entry.activity}">${entry.activity}</bdi>
        <bdi class="text">${said}</bdi>
      </summary>
      ${
        open &&
        html`<pre tabindex="0" aria-label="details">${text.slice(0, LONGEST_DETAILS)}</pre>
          <p class="aside">${at}, execution ${entry.execution_id ?? "not named"}</p>`
      }
    </details>
  </li>`;
});
