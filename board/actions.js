// What a person may do: each in a dialog that says what will happen, and shows a refusal.

import { html, useEffect, useRef, useState } from "./htm-preact.js";
import { ownName, setOwnName } from "./address.js";
import { QUANTITIES, shortened } from "./format.js";

/** By kind: title, what is asked, the call, and what is said when it is done. */
const KINDS = {
  resolve: {
    title: ({ conflict }) => `Resolve conflict #${conflict.conflict_id}`,
    about: ({ conflict }) => conflict.description,
    fields: [{ name: "resolution", label: "How it is resolved", long: true }],
    button: "Resolve",
    call: ({ conflict }, { resolution }, by) => [
      "resolve_conflict",
      { conflict_id: conflict.conflict_id, resolution, resolved_by: by },
    ],
    done: ({ conflict }) => `Conflict #${conflict.conflict_id} is resolved.`,
  },
  reassign: {
    title: ({ conflict }) => `Reassign conflict #${conflict.conflict_id}`,
    about: ({ conflict }) => conflict.description,
    fields: [
      { name: "target_agent", label: "Agent that is to resolve it", list: "agents" },
      { name: "reason", label: "Reason", long: true },
    ],
    button: "Reassign",
    call: ({ conflict }, { target_agent, reason }, by) => [
      "reassign_conflict",
      { conflict_id: conflict.conflict_id, target_agent, reason, agent_name: by },
    ],
    done: ({ conflict }, { target_agent }) =>
      `Conflict #${conflict.conflict_id} is ${target_agent}'s now.`,
  },
  transfer: {
    title: () => "Transfer budget",
    about: () => "Moves a part of one budget to another.",
    fields: [
      { name: "from_subsystem", label: "From", list: "budgets", value: () => "reserve" },
      { name: "to_subsystem", label: "To", list: "budgets", value: ({ to }) => to ?? "" },
      ...QUANTITIES.map(({ name, label, unit }) => ({
        name,
        label: `${label}, ${unit}`,
        amount: true,
      })),
      { name: "reason", label: "Reason", long: true },
    ],
    button: "Transfer",
    call: (_, values, by) => {
      const amounts = QUANTITIES.map(({ name }) => [name, Number(values[name] || 0)]);
      return ["transfer_budget", { ...values, ...Object.fromEntries(amounts), agent_name: by }];
    },
    done: (_, values) => `Budget went from ${values.from_subsystem} to ${values.to_subsystem}.`,
  },
  release: {
    title: ({ lease }) => `Force the release of ${lease.resource_name}`,
    about: ({ lease }) =>
      `${lease.locked_by} loses its lease. ` +
      `What it still writes with token ${lease.fencing_token} is refused.`,
    fields: [{ name: "reason", label: "Reason", long: true }],
    button: "Force release",
    danger: true,
    call: ({ lease }, { reason }, by) => [
      "force_release_lock",
      {
        resource_type: lease.resource_type,
        resource_name: lease.resource_name,
        reason,
        released_by: by,
      },
    ],
    done: ({ lease }, _, rows) =>
      rows.length
        ? `${lease.resource_name} is released.`
        : `${lease.resource_name} was free already.`,
  },
};

/**
 * `action` is {kind, conflict?, lease?, to?}; `lists` are names to choose from, {agents, budgets};
 * `claimed` is the agent that the token speaks for, if it names one; `ended` whether what it is
 * about is no longer so.
 */
export function ActionDialog({ api, action, ended, lists, claimed, onDone, onClose }) {
  const kind = KINDS[action.kind];
  const dialog = useRef(null);
  const requestId = useRef(newId());
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  // Given once, as each field: what is typed is the form's until it is sent.
  const [acting] = useState(() => claimed ?? ownName());
  useEffect(() => dialog.current.showModal(), []);

  async function submit(event) {
    event.preventDefault();
    const { by, ...values } = Object.fromEntries(
      [...new FormData(event.target)].map(([name, value]) => [name, value.trim()]),
    );
    setOwnName(by);
    setBusy(true);
    setProblem(null);
    try {
      const [name, parameters] = kind.call(action, values, by);
      const answer = await api.call(name, { ...parameters, request_id: requestId.current });
      onDone(kind.done(action, values, answer));
    } catch (error) {
      // What may have been done is repeated as the same request, so that it is done once.
      if (error.refused) requestId.current = newId();
      setProblem(error);
      setBusy(false);
    }
  }

  return html`<dialog ref=${dialog} aria-labelledby="action-title" onClose=${onClose}>
    <form onSubmit=${submit}>
      <h2 id="action-title"><bdi>${kind.title(action)}</bdi></h2>
      <p class="about"><bdi>${shortened(kind.about(action), 1000)}</bdi></p>
      ${kind.fields.map(
        (field) => html`<${Field} key=${field.name} ...${{ field, action, lists }} />`,
      )}
      <label class="field">
        <span>Your name, for the log</span>
        <input
          name="by"
          required
          maxlength="128"
          defaultValue=${acting}
          readonly=${Boolean(claimed)}
        />
      </label>
      ${ended && html`<p class="problem" role="alert">This lease has ended already.</p>`}
      ${problem && html`<${Refusal} problem=${problem} />`}
      <p class="buttons">
        <button type="button" onClick=${() => dialog.current.close()}>Cancel</button>
        <button
          type="submit"
          class=${kind.danger ? "primary danger" : "primary"}
          disabled=${busy || ended}
        >
          ${kind.button}
        </button>
      </p>
    </form>
  </dialog>`;
}

function Field({ field, action, lists }) {
  const { name, label, long, amount, list, value } = field;
  const [first] = useState(() => value?.(action) ?? "");
  if (long)
    return html`<label class="field">
      <span>${label}</span><textarea name=${name} required rows="3"></textarea>
    </label>`;
  if (amount)
    return html`<label class="field amount">
      <span>${label}</span>
      <input name=${name} type="number" min="0" step="any" inputmode="decimal" />
    </label>`;
  return html`<label class="field">
    <span>${label}</span>
    <input name=${name} required maxlength="128" list=${`choice-${name}`} defaultValue=${first} />
    <datalist id=${`choice-${name}`}>
      ${lists[list].map((each) => html`<option key=${each} value=${each}></option>`)}
    </datalist>
  </label>`;
}

/** The database's own words: the slug, its data, and what to do. */
const Refusal = ({ problem }) => html`<div class="problem" role="alert">
  <p><b>${problem.message}</b></p>
  ${problem.hint && html`<p>${problem.hint}</p>`}
  ${!problem.refused && html`<p>Whether it was done is not known. Doing it again is safe.</p>`}
  ${problem.details && html`<pre>${shortened(String(problem.details), 2000)}</pre>`}
</div>`;

/** A request id. Over plain http from another machine browsers have no crypto.randomUUID. */
const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
