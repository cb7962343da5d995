// Who is made from whom: the dependencies of documents, as a picture and as a list.

import { html, useEffect, useMemo, useRef, useState } from "./htm-preact.js";
import { subsystemLink } from "./address.js";
import { shortened } from "./format.js";
import { curve, layout, NODE } from "./graph_layout.js";

const MOST = 1000;
const REFRESH_MS = 5000;

/** `rows` are the subsystems of the board; `asOf` changes with each board. */
export function Graph({ api, rows, asOf }) {
  const dependencies = useDependencies(api, asOf);
  const edges = useMemo(() => edgesOf(dependencies, rows), [dependencies, rows]);
  const place = useMemo(() => layout(edges), [edges.map((edge) => edge.key).join("\n")]);
  return html`<section class="graph" aria-labelledby="graph-title">
    <h2 id="graph-title">
      Made from
      ${
        edges.some((edge) => edge.stale) &&
        html`<span class="aside">dashed: its input has changed since</span>`
      }
    </h2>
    ${
      edges.length === 0
        ? html`<p class="calm">No subsystem has read another one's documents yet.</p>`
        : html`<${Picture} edges=${edges} place=${place} rows=${rows} />
          <${List} edges=${edges} />`
    }
  </section>`;
}

/** Read again when a board has come, but not with each of them. */
function useDependencies(api, asOf) {
  const [found, setFound] = useState([]);
  const last = useRef(-Infinity);
  useEffect(() => {
    const now = performance.now();
    if (now - last.current < REFRESH_MS) return;
    last.current = now;
    api
      .read("document_dependencies", {
        select: "subsystem,on_subsystem,document,seen_version",
        order: "subsystem,on_subsystem,document",
        limit: MOST,
      })
      // The board itself says that the service does not answer.
      .then(setFound, () => {});
  }, [asOf]);
  return found;
}

function edgesOf(dependencies, rows) {
  const stale = new Map(rows.map((row) => [row.name, row.stale_inputs]));
  const edges = new Map();
  for (const { subsystem, on_subsystem, document, seen_version } of dependencies) {
    const key = JSON.stringify([on_subsystem, subsystem]);
    const edge = edges.get(key) ?? {
      key,
      from: on_subsystem,
      to: subsystem,
      documents: [],
      stale: false,
    };
    const changed = (stale.get(subsystem) ?? []).find(
      (input) => input.subsystem === on_subsystem && input.document === document,
    );
    edge.documents.push({ document, seen: seen_version, latest: changed?.new_version });
    edge.stale ||= Boolean(changed);
    edges.set(key, edge);
  }
  return [...edges.values()];
}

function Picture({ edges, place, rows }) {
  const states = new Map(rows.map((row) => [row.name, row]));
  return html`<div
    class="picture"
    tabindex="0"
    role="group"
    aria-label="Graph; the list below says the same"
  >
    <svg
      width=${place.width + 4}
      height=${place.height + 4}
      viewBox=${`-2 -2 ${place.width + 4} ${place.height + 4}`}
    >
      <defs>
        ${["well", "stale"].map(
          (kind) => html`<marker
            key=${kind}
            id=${`arrow-${kind}`}
            class="arrow ${kind}"
            viewBox="0 0 8 8"
            refX="3"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0,0 L8,4 L0,8 z" />
          </marker>`,
        )}
      </defs>
      ${edges.map(
        (edge) => html`<path
          key=${edge.key}
          class=${edge.stale ? "edge stale" : "edge"}
          d=${curve(place.nodes.get(edge.from), place.nodes.get(edge.to))}
          marker-end=${`url(#arrow-${edge.stale ? "stale" : "well"})`}
        >
          <title>${sentence(edge)}</title>
        </path>`,
      )}
      ${[...place.nodes].map(([name, at]) => {
        const row = states.get(name);
        const look = row?.stale_inputs.length ? "stale" : row?.state === "complete" ? "done" : "";
        return html`<a key=${name} href=${subsystemLink(name)} class="node ${look}">
          <title>${name}${row ? `: ${row.state}` : ""}</title>
          <rect x=${at.x} y=${at.y} width=${NODE.width} height=${NODE.height} rx="4" />
          <text x=${at.x + 10} y=${at.y + NODE.height / 2} dominant-baseline="central">
            ${shortened(name, 18)}
          </text>
        </a>`;
      })}
    </svg>
  </div>`;
}

const List = ({ edges }) => html`<details class="as-list">
  <summary>As a list</summary>
  <ul>
    ${edges.map(
      (edge) => html`<li key=${edge.key} class=${edge.stale ? "stale" : ""}>
        ${sentence(edge)}
      </li>`,
    )}
  </ul>
</details>`;

function sentence({ from, to, documents }) {
  const inputs = documents.map(({ document, seen, latest }) =>
    latest ? `${document} ${seen}, and ${latest} is there` : `${document} ${seen}`,
  );
  return `${to} is made from ${from}: ${inputs.join("; ")}`;
}
