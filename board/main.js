import { takeKey } from "./address.js";
import { App } from "./app.js";
import { html, render } from "./htm-preact.js";

// Before anything is drawn or asked, and again when an address with a key is pasted into this tab:
// this listener comes before those of the page.
takeKey();
addEventListener("hashchange", takeKey);

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
