// What is shown without a key.

import { html } from "./htm-preact.js";
import { setKey } from "./address.js";

export function KeyForm({ onKey }) {
  function submit(event) {
    event.preventDefault();
    setKey(new FormData(event.target).get("key"));
    onKey();
  }
  return html`<main class="key-form">
    <h1>sharedstate board</h1>
    <p>
      This page needs a key. Run <code>sharedstate board</code> in the folder of the
      ${" "}installation: it opens this page with one.
    </p>
    <form onSubmit=${submit}>
      <label class="field">
        <span>Or a key, as <code>sharedstate token</code> prints it</span>
        <input name="key" type="password" required autocomplete="off" />
      </label>
      <p class="buttons"><button type="submit" class="primary">Open</button></p>
    </form>
  </main>`;
}
