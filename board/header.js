// The line at the top: which workspace, how the connection is, how often it asks, and the totals.

import { html, useEffect, useState } from "./htm-preact.js";
import { boardLink } from "./address.js";
import { clock } from "./format.js";
import { Totals } from "./subsystems.js";

const INTERVALS = [
  { label: "every second", ms: 1000 },
  { label: "every 5 s", ms: 5000 },
  { label: "every 30 s", ms: 30_000 },
  { label: "not by itself", ms: Infinity },
];

export function Header({ api, claims, workspace, board, connection, interval, onInterval }) {
  return html`<header>
    <h1><a href=${boardLink()}>sharedstate</a></h1>
    <${Workspace} api=${api} claims=${claims} workspace=${workspace} />
    ${board && html`<${Totals} budgets=${board.budgets} />`}
    <div class="connection">
      <label>
        <span class="spoken">Ask again</span>
        <select
          value=${String(interval)}
          onChange=${(event) => onInterval(Number(event.target.value))}
        >
          ${INTERVALS.map(
            ({ label, ms }) => html`<option key=${label} value=${String(ms)}>${label}</option>`,
          )}
        </select>
      </label>
      <${Connection} ...${connection} />
    </div>
  </header>`;
}

/** Operators choose from a list, agents name one, a token that names a workspace has no other. */
function Workspace({ api, claims, workspace }) {
  const [names, setNames] = useState([]);
  const operator = claims.role === "service_role";
  useEffect(() => {
    if (operator)
      api.call("list_workspaces").then(
        (rows) => setNames(rows.map((row) => row.name)),
        () => {},
      );
  }, [api]);
  if (claims.workspace) return html`<p class="workspace"><bdi>${workspace}</bdi></p>`;
  const go = (name) => (location.hash = `#${new URLSearchParams({ workspace: name })}`);
  if (names.length) {
    const known = names.includes(workspace) ? names : [workspace, ...names];
    return html`<label class="workspace">
      <span class="spoken">Workspace</span>
      <select value=${workspace} onChange=${(event) => go(event.target.value)}>
        ${known.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
    </label>`;
  }
  return html`<form
    class="workspace"
    onSubmit=${(event) => {
      event.preventDefault();
      go(new FormData(event.target).get("workspace").trim());
    }}
  >
    <label>
      <span class="spoken">Workspace</span>
      <input name="workspace" required maxlength="128" defaultValue=${workspace} />
    </label>
    <button type="submit" class="small">Go</button>
  </form>`;
}

function Connection({ state, asOf, error }) {
  const at = asOf ? `as of ${clock(asOf)}` : "";
  const after = (text) => (at ? `${at}, ${text}` : text);
  const text = {
    connecting: "connecting",
    live: at,
    paused: after("paused"),
    "cut off": after("reconnecting"),
    failed: after(error?.message),
    refused: after("the key is refused"),
  }[state];
  const trouble = ["cut off", "failed", "refused"].includes(state);
  // Only trouble is announced: a clock that speaks each second is no help.
  return html`<p class="as-of ${state.replace(" ", "-")}" title=${trouble ? error.message : null}>
      <span class="dot" aria-hidden="true"></span>${text}
    </p>
    <p class="spoken" role="status">${trouble ? text : ""}</p>`;
}

/** What to do about trouble that does not end by itself. */
export function Advice({ state, error }) {
  if (state !== "refused" && state !== "failed") return null;
  const hint =
    state === "refused"
      ? "It has expired, or is of another installation. Run `sharedstate board` again."
      : error.hint;
  return html`<p class="problem" role="alert"><b>${error.message}</b> ${hint}</p>`;
}
