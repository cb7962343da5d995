// The table of subsystems, and what the whole robot uses.

import { html, useContext } from "./htm-preact.js";
import { subsystemLink } from "./address.js";
import { moment, number, QUANTITIES } from "./format.js";
import { Actions, Bar, Figure, ShowMore } from "./parts.js";

const DONE = new Set(["complete"]);
const BROKEN = new Set([
  "failed",
  "infeasible",
  "not_converged",
  "over_budget",
  "error",
  "blocked",
]);
const stateClass = (state) => (DONE.has(state) ? "done" : BROKEN.has(state) ? "broken" : "");

export function Subsystems({ rows, all, onMore }) {
  const act = useContext(Actions);
  return html`<section class="subsystems" aria-labelledby="subsystems-title">
    <div class="title">
      <h2 id="subsystems-title">Subsystems <span class="count">${number(all, 0)}</span></h2>
      <button type="button" class="small" onClick=${() => act({ kind: "transfer" })}>
        Transfer budget
      </button>
    </div>
    ${
      rows.length === 0
        ? html`<p class="calm">There is none in this workspace yet.</p>`
        : html`<table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="wide">State</th>
              ${QUANTITIES.map(
                ({ label, unit }) => html`<th key=${label} scope="col" class="number">
                  ${label} <span class="unit">${unit}</span>
                </th>`,
              )}
              <th scope="col" class="wide held">Held by</th>
              <th scope="col" class="wider">Changed</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map((row) => html`<${Row} key=${row.name} row=${row} />`)}
          </tbody>
        </table>`
    }
    <${ShowMore} shown=${rows.length} all=${all} what="subsystems" onMore=${onMore} />
  </section>`;
}

const Row = ({ row }) => html`<tr class="subsystem-row">
    <th scope="row">
      <a href=${subsystemLink(row.name)}><bdi>${row.name}</bdi></a>
      <span class="narrow state ${stateClass(row.state)}">${row.state}</span>
      <${Flags} row=${row} />
    </th>
    <td class="wide"><bdi class="state ${stateClass(row.state)}">${row.state}</bdi></td>
    ${QUANTITIES.map(
      ({ name, digits }) => html`<td key=${name} class="number">
        <${Figure} used=${row[`current_${name}`]} limit=${row[`budget_${name}`]} digits=${digits} />
      </td>`,
    )}
    <td class="wide holder">
      ${row.locked_by ? html`<bdi>${row.locked_by}</bdi>` : html`<span class="none">–</span>`}
      ${
        row.queue_length > 0 &&
        html`<span class="aside" title="waiting"> +${row.queue_length}</span>`
      }
    </td>
    <td class="wider aside">${moment(row.updated_at)}</td>
  </tr>`;

const Flags = ({ row }) =>
  html`<span class="flags">
    ${
      row.active_conflicts > 0 &&
      html`<span class="flag conflict">${row.active_conflicts} open</span>`
    }
    ${row.stale_inputs.length > 0 && html`<span class="flag stale">stale</span>`}
  </span>`;

/** Mass, cost and power of all subsystems together. */
export const Totals = ({ budgets }) => html`<dl class="totals" aria-label="All subsystems together">
    ${QUANTITIES.map(({ name, label, unit, digits }) => {
      const total = budgets.find((each) => each.quantity === name);
      if (!total) return null;
      return html`<div key=${name}>
        <dt>${label}</dt>
        <dd class=${total.share > 1 ? "is-over" : ""}>
          <b>${number(total.used, digits)}</b>
          <span class="limit">
            ${total.allocated !== null && ` / ${number(total.allocated, digits)}`} ${unit}
            ${total.held > 0 && `, ${number(total.held, digits)} held`}
          </span>
          ${total.allocated !== null && html`<${Bar} share=${total.share ?? 0} />`}
        </dd>
      </div>`;
    })}
  </dl>`;
