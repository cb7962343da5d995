// The strip "Needs you".

import { html, useContext } from "./htm-preact.js";
import { KINDS } from "./attention.js";
import { number } from "./format.js";
import { Actions, ShowMore, useRows } from "./parts.js";

/** `hidden` is how many open conflicts the board does not list yet, `onMore` has it list more. */
export function Needs({ items, hidden, operator, onMore, onSeenHooks }) {
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
          onMore=${onMore}
          onSeen=${group.kind === "hook" ? onSeenHooks : null}
        />`,
      )}
    </div>
  </section>`;
}

function Group({ kind, title, items, hidden, operator, onMore, onSeen }) {
  const all = items.length + hidden;
  const rows = useRows({ first: 5, step: 20, listed: items.length, all, onList: onMore });
  return html`<div class="group kind-${kind}">
    <div class="title">
      <h3>${title} <span class="count">${number(all, 0)}</span></h3>
      ${onSeen && html`<button type="button" class="small" onClick=${onSeen}>Seen</button>`}
    </div>
    <ul>
      ${items
        .slice(0, rows.shown)
        .map((item) => html`<${Item} key=${item.id} ...${item} operator=${operator} />`)}
    </ul>
    <${ShowMore} ...${rows} all=${all} what=${title.toLowerCase()} />
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
