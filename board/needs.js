// The strip "Needs you".

import { html, useContext, useState } from "./htm-preact.js";
import { KINDS } from "./attention.js";
import { number } from "./format.js";
import { Actions, ShowMore } from "./parts.js";

const AT_FIRST = 5;
const STEP = 20;

/** `left_out` is how many open conflicts the board does not list. */
export function Needs({ items, hidden, operator, onSeenHooks }) {
  const groups = KINDS.map(({ kind, title }) => ({
    kind,
    title,
    items: items.filter((item) => item.kind === kind),
  })).filter((group) => group.items.length);
  return html`<section class="needs" aria-labelledby="needs-title">
    <h2 id="needs-title">Needs you</h2>
    ${groups.length === 0 && html`<p class="calm">Nothing. All goes well.</p>`}
    <div class="groups">
      ${groups.map(
        (group) => html`<${Group}
          key=${group.kind}
          ...${group}
          hidden=${group.kind === "conflict" ? hidden : 0}
          operator=${operator}
          onSeen=${group.kind === "hook" ? onSeenHooks : null}
        />`,
      )}
    </div>
  </section>`;
}

function Group({ kind, title, items, hidden, operator, onSeen }) {
  const [limit, setLimit] = useState(AT_FIRST);
  return html`<div class="group kind-${kind}">
    <div class="title">
      <h3>${title} <span class="count">${number(items.length + hidden, 0)}</span></h3>
      ${onSeen && html`<button type="button" class="small" onClick=${onSeen}>Seen</button>`}
    </div>
    <ul>
      ${items
        .slice(0, limit)
        .map((item) => html`<${Item} key=${item.id} ...${item} operator=${operator} />`)}
    </ul>
    <${ShowMore}
      shown=${Math.min(limit, items.length)}
      all=${items.length + hidden}
      what=""
      onMore=${limit < items.length && (() => setLimit(limit + STEP))}
    />
  </div>`;
}

function Item({ subject, text, more, href, severity, conflict, lease, subsystem, operator }) {
  const act = useContext(Actions);
  const button = (label, kind, about) =>
    html`<button type="button" class="small" onClick=${() => act({ kind, ...about })}>
        ${label}<span class="spoken"> ${subject}</span>
      </button>`;
  return html`<li>
    <span class="what">
      ${
        href
          ? html`<a class="subject" href=${href}><bdi>${subject}</bdi></a>`
          : html`<bdi class="subject ${severity ?? ""}">${subject}</bdi>`
      }
      <bdi class="text">${text}</bdi>
      ${more && html`<bdi class="aside">${more}</bdi>`}
    </span>
    <span class="actions">
      ${conflict && button("Resolve", "resolve", { conflict })}
      ${conflict && button("Reassign", "reassign", { conflict })}
      ${subsystem && button("Transfer", "transfer", { to: subsystem })}
      ${lease && operator && button("Release", "release", { lease })}
    </span>
  </li>`;
}
