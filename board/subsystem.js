// The page of one subsystem: its figures, its conflicts, and its documents version by version.

import { html, useEffect, useState } from "./htm-preact.js";
import { boardLink, link } from "./address.js";
import { moment, QUANTITIES, shortened } from "./format.js";
import { Figure, memo } from "./parts.js";

const DOCUMENTS = [
  { document: "design", table: "subsystem_designs", column: "design_data" },
  { document: "interfaces", table: "subsystem_interfaces", column: "interfaces" },
  { document: "requirements", table: "subsystem_requirements", column: "requirements" },
];
const PAGE = 50;
const LONGEST_DOCUMENT = 200_000;
const LONGEST_VALUE = 500;
const MOST_CHANGES = 500;

/**
 * `row` is the subsystem on the board, undefined when the board does not list it. `changed` is
 * another value when something has happened to it, such as a new version.
 */
export function Subsystem({ api, name, row, conflicts, changed, choice }) {
  const kind = DOCUMENTS.find((each) => each.document === choice.document) ?? DOCUMENTS[0];
  return html`<section class="subsystem" aria-labelledby="subsystem-title">
    <p class="back"><a href=${boardLink()}>← Board</a></p>
    <h2 id="subsystem-title"><bdi>${name}</bdi></h2>
    ${
      row
        ? html`<${Facts} row=${row} conflicts=${conflicts} />`
        : html`<p class="calm">The board does not list it.</p>`
    }
    <nav class="tabs" aria-label="Documents">
      ${DOCUMENTS.map(
        ({ document }) => html`<a
          key=${document}
          href=${link({ document, from: null, to: null })}
          aria-current=${document === kind.document ? "page" : null}
          >${document}</a
        >`,
      )}
    </nav>
    <${Versions} key=${kind.document} ...${{ api, name, kind, choice, changed }} />
  </section>`;
}

const Facts = ({ row, conflicts }) => html`<dl class="facts">
  <div><dt>State</dt><dd><bdi>${row.state}</bdi></dd></div>
  ${QUANTITIES.map(
    ({ name, label, unit, digits }) => html`<div key=${name}>
      <dt>${label} <span class="unit">${unit}</span></dt>
      <dd>
        <${Figure} used=${row[`current_${name}`]} limit=${row[`budget_${name}`]} digits=${digits} />
      </dd>
    </div>`,
  )}
  <div><dt>Held by</dt><dd><bdi>${row.locked_by ?? "nobody"}</bdi></dd></div>
  <div><dt>Iteration</dt><dd>${row.iteration}</dd></div>
  <div><dt>Changed</dt><dd>${moment(row.updated_at)}</dd></div>
  <div class="long">
    <dt>Open conflicts</dt>
    <dd>
      ${row.active_conflicts === 0 && "none"}
      <ul>
        ${conflicts.map(
          (each) => html`<li key=${each.conflict_id}>
            #${each.conflict_id} ${each.severity}:${" "}
            <bdi>${shortened(each.description, LONGEST_VALUE)}</bdi>
          </li>`,
        )}
        ${
          row.active_conflicts > conflicts.length &&
          html`<li>${row.active_conflicts - conflicts.length} less urgent ones</li>`
        }
      </ul>
    </dd>
  </div>
  <div class="long">
    <dt>Stale inputs</dt>
    <dd>
      ${row.stale_inputs.length === 0 && "none"}
      <ul>
        ${row.stale_inputs.map(
          (input) => html`<li key=${`${input.subsystem} ${input.document}`}>
            <bdi>${input.subsystem}</bdi> ${input.document}: made from version${" "}
            ${input.seen_version}, and <a href=${changesLink(input)}>version ${input.new_version}</a>${" "}
            is there
          </li>`,
        )}
      </ul>
    </dd>
  </div>
</dl>`;

/** To what has changed in a document since a subsystem was made from it. */
const changesLink = ({ subsystem, document, seen_version, new_version }) =>
  link({ subsystem, document, from: seen_version, to: new_version });

/** The answer of `ask`, asked anew when `inputs` change: {found, problem}. */
function useAnswer(ask, inputs) {
  const [state, setState] = useState({ found: null, problem: "" });
  useEffect(() => {
    let current = true;
    ask().then(
      (found) => current && setState({ found, problem: "" }),
      (error) =>
        current &&
        setState((now) => ({ ...now, problem: `${error.message}. ${error.hint ?? ""}` })),
    );
    return () => (current = false);
  }, inputs);
  return state;
}

function Versions({ api, name, kind, choice, changed }) {
  const [limit, setLimit] = useState(PAGE);
  const { found, problem } = useAnswer(
    () =>
      api.read(kind.table, {
        subsystem_name: `eq.${name}`,
        select: "version,created_by,created_at,merged",
        order: "version.desc",
        limit: limit + 1,
      }),
    [api, name, kind, limit, changed],
  );
  if (problem) return html`<p class="problem" role="alert">${problem}</p>`;
  if (!found) return html`<p class="calm">Reading.</p>`;
  if (!found.length) return html`<p class="calm">There is no version of this document yet.</p>`;
  const latest = found[0].version;
  const to = Number(choice.to) || latest;
  const from = choice.from ? Number(choice.from) : to - 1;
  const radio = (side, version, chosen) => html`<input
    type="radio"
    name=${side}
    aria-label=${side === "from" ? `from version ${version}` : `to version ${version}`}
    checked=${version === chosen}
    onChange=${() => (location.hash = link({ document: kind.document, from, to, [side]: version }))}
  />`;
  return html`<div class="document">
    <div class="versions">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" class="number">Version</th>
            <th scope="col">By</th>
            <th scope="col" class="wide">At</th>
          </tr>
        </thead>
        <tbody>
          ${found.slice(0, limit).map(
            (each) => html`<tr key=${each.version}>
              <td>${radio("from", each.version, from)}</td>
              <td>${radio("to", each.version, to)}</td>
              <td class="number">${each.version}</td>
              <td>
                <bdi>${each.created_by}</bdi>
                ${each.merged && html`<span class="flag">merged</span>`}
              </td>
              <td class="wide aside">${moment(each.created_at)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${
        found.length > limit &&
        html`<p class="more">
          <button type="button" onClick=${() => setLimit(limit + PAGE)}>Older versions</button>
        </p>`
      }
    </div>
    <div class="content">
      <${Difference} api=${api} name=${name} document=${kind.document} from=${from} to=${to} />
      <${Content} api=${api} name=${name} kind=${kind} version=${to} />
    </div>
  </div>`;
}

/** What differs between two versions, by JSON pointer: version 0 is the empty document. */
function Difference({ api, name, document, from, to }) {
  const { found, problem } = useAnswer(
    () =>
      api.call("diff_documents", { subsystem: name, document, from_version: from, to_version: to }),
    [api, name, document, from, to],
  );
  return html`<section aria-labelledby="difference-title">
    <h3 id="difference-title">
      ${from ? `From version ${from} to ${to}` : `All of version ${to} is new`}
    </h3>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${found?.length === 0 && html`<p class="calm">They are the same.</p>`}
    ${
      found?.length > 0 &&
      html`<table class="difference">
      <thead>
        <tr><th scope="col">Where</th><th scope="col">Before</th><th scope="col">After</th></tr>
      </thead>
      <tbody>
        ${found
          .slice(0, MOST_CHANGES)
          .map((each) => html`<${Change} key=${each.path} ...${each} />`)}
      </tbody>
    </table>`
    }
    ${
      found?.length > MOST_CHANGES &&
      html`<p class="more">The first ${MOST_CHANGES} of ${found.length} changes.</p>`
    }
  </section>`;
}

const Change = memo(({ path, change, old, new: now }) => {
  const value = (given) => shortened(JSON.stringify(given), LONGEST_VALUE);
  return html`<tr class=${change}>
    <th scope="row"><code>${path || "(the whole)"}</code> <span class="spoken">${change}</span></th>
    <td>${change === "added" ? "" : html`<del>${value(old)}</del>`}</td>
    <td>${change === "removed" ? "" : html`<ins>${value(now)}</ins>`}</td>
  </tr>`;
});

function Content({ api, name, kind, version }) {
  const { found, problem } = useAnswer(
    () =>
      api.read(kind.table, {
        subsystem_name: `eq.${name}`,
        version: `eq.${version}`,
        select: kind.column,
      }),
    [api, name, kind, version],
  );
  const text = found?.length ? JSON.stringify(found[0][kind.column], null, 2) : "";
  return html`<section aria-labelledby="content-title">
    <h3 id="content-title">Version ${version}</h3>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${text && html`<pre tabindex="0">${text.slice(0, LONGEST_DOCUMENT)}</pre>`}
    ${
      text.length > LONGEST_DOCUMENT &&
      html`<p class="more">The first ${LONGEST_DOCUMENT} of ${text.length} characters.</p>`
    }
  </section>`;
}
