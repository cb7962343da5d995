// The whole page: the board of one workspace, or what keeps it from being shown.

import { html, useEffect, useMemo, useRef, useState } from "./htm-preact.js";
import { ActionDialog } from "./actions.js";
import { claimsOf, getKey, readAddress } from "./address.js";
import { Api } from "./api.js";
import { attention } from "./attention.js";
import { useBoard } from "./board.js";
import { Feed } from "./feed.js";
import { Graph } from "./graph.js";
import { Advice, Header } from "./header.js";
import { KeyForm } from "./key_form.js";
import { agentsOf, isAbout } from "./log.js";
import { Locks } from "./locks.js";
import { Needs } from "./needs.js";
import { Actions } from "./parts.js";
import { Subsystem } from "./subsystem.js";
import { Subsystems } from "./subsystems.js";

const NOTE_MS = 8000;

function useAddress() {
  const [address, setAddress] = useState(readAddress);
  useEffect(() => {
    const changed = () => setAddress(readAddress());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return address;
}

export function App() {
  const address = useAddress();
  const key = getKey();
  const [, again] = useState(0);
  if (!key) return html`<${KeyForm} onKey=${() => again((turn) => turn + 1)} />`;
  const claims = claimsOf(key);
  // A workspace in the token pins it: the database looks at no header then.
  const workspace = claims.workspace ?? address.workspace ?? "default";
  return html`<${Board}
    key=${`${workspace}\n${key}`}
    token=${key}
    claims=${claims}
    workspace=${workspace}
    address=${address}
  />`;
}

function Board({ token, claims, workspace, address }) {
  const api = useMemo(() => new Api(token, workspace), []);
  const [interval, chooseInterval] = useState(1000);
  const { board, entries, lastSeen, failedHooks, seeHooks, connection, serverNow, more, refresh } =
    useBoard(api, interval);
  const [action, setAction] = useState(null);
  const [note, say] = useNote();
  const operator = claims.role === "service_role";
  const items = useMemo(
    () => (board ? attention(board, { now: serverNow(), lastSeen, failedHooks }) : []),
    [board, failedHooks],
  );
  useEffect(() => {
    document.title = `${items.length ? `(${items.length}) ` : ""}${workspace} · sharedstate board`;
  }, [items.length]);

  let page;
  if (!board) {
    page = html`<${Advice} ...${connection} /><p class="calm">Reading the board.</p>`;
  } else if (address.subsystem) {
    page = html`<${SubsystemPage} ...${{ api, board, entries, address }} />`;
  } else {
    page = html`<${Overview}
      ...${{ api, board, entries, items, operator, address, serverNow, more, seeHooks }}
    />`;
  }
  // One tree with a board and without: else the header would be made anew when the first one comes,
  // and lose what somebody has typed into it.
  return html`<${Actions.Provider} value=${setAction}>
    <${Header}
      claims=${claims}
      workspace=${workspace}
      board=${board}
      connection=${connection}
      interval=${interval}
      onInterval=${chooseInterval}
      api=${api}
    />
    <main>${page}</main>
    <p class=${note ? "toast" : "toast empty"} role="status">${note}</p>
    ${
      action &&
      html`<${ActionDialog}
      api=${api}
      action=${action}
      ended=${action.lease && hasEnded(action.lease, board)}
      claimed=${claims.agent}
      lists=${namesOf(board, entries)}
      onClose=${() => setAction(null)}
      onDone=${(text) => {
        setAction(null);
        say(text);
        refresh();
      }}
    />`
    }
  </${Actions.Provider}>`;
}

function Overview({ api, board, entries, items, operator, address, serverNow, more, seeHooks }) {
  return html`<div class="overview">
    <${Needs}
      items=${items}
      hidden=${board.counts.conflicts - board.conflicts.length}
      onMore=${more}
      operator=${operator}
      onSeenHooks=${seeHooks}
    />
    <${Subsystems} rows=${board.subsystems} all=${board.counts.subsystems} onMore=${more} />
    <${Locks}
      leases=${board.leases}
      queue=${board.queue}
      counts=${board.counts}
      serverNow=${serverNow}
      operator=${operator}
      onMore=${more}
    />
    <${Feed}
      api=${api}
      live=${entries}
      filter=${address}
      subsystems=${board.subsystems.map((row) => row.name)}
    />
    <${Graph} api=${api} rows=${board.subsystems} asOf=${board.server_time} />
  </div>`;
}

function SubsystemPage({ api, board, entries, address }) {
  const name = address.subsystem;
  const agents = agentsOf(name);
  const concerns = ({ source_agent, target_agent, blocks_agents }) =>
    [source_agent, target_agent, ...blocks_agents].some((agent) => agents.includes(agent));
  return html`<${Subsystem}
    key=${name}
    api=${api}
    name=${name}
    row=${board.subsystems.find((row) => row.name === name)}
    conflicts=${board.conflicts.filter(concerns)}
    changed=${entries.find((entry) => isAbout(entry, name))?.id}
    choice=${address}
  />`;
}

/** A lease that somebody else took since is another one, which nobody has decided to end. */
const hasEnded = ({ resource_type, resource_name, fencing_token }, { leases, counts }) =>
  leases.length === counts.leases &&
  !leases.some(
    (each) =>
      each.fencing_token === fencing_token &&
      each.resource_name === resource_name &&
      each.resource_type === resource_type,
  );

/** Names that a person may mean in a dialog. */
function namesOf(board, entries) {
  const agents = [
    ...board.conflicts.flatMap((each) => [each.source_agent, each.target_agent]),
    ...board.leases.map((lease) => lease.locked_by),
    ...entries.map((entry) => entry.agent_name),
  ];
  return {
    agents: [...new Set(agents)].sort().slice(0, 500),
    budgets: ["reserve", ...board.subsystems.map((row) => row.name)],
  };
}

/** A sentence about what was done, for some seconds. */
function useNote() {
  const [note, setNote] = useState("");
  const timer = useRef(null);
  const say = (text) => {
    clearTimeout(timer.current);
    setNote(text);
    timer.current = setTimeout(() => setNote(""), NOTE_MS);
  };
  return [note, say];
}
