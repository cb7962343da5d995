// What the address holds: the workspace, the subsystem that is shown, and the filters. Never the
// key, so that an address can be bookmarked and passed on.

const KEY = "sharedstate.key";
const NAME = "sharedstate.name";

const parameters = () => new URLSearchParams(location.hash.slice(1));

/** Move a key that stands in the address into sessionStorage, and take it out of the address. */
export function takeKey() {
  const given = parameters();
  if (!given.has("key")) return;
  setKey(given.get("key"));
  given.delete("key");
  history.replaceState(null, "", `#${given}`);
}

export const getKey = () => sessionStorage.getItem(KEY);
export const setKey = (key) => sessionStorage.setItem(KEY, key.trim());

/** The claims of a token, unverified (the server verifies); {} for another kind of key. */
export function claimsOf(key) {
  try {
    const [, payload] = key.split(".");
    const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  } catch {
    return {};
  }
}

/** The name under which this person acts, as the last dialog had it. */
export const ownName = () => localStorage.getItem(NAME) ?? "";
export const setOwnName = (name) => localStorage.setItem(NAME, name);

export const readAddress = () => Object.fromEntries(parameters());

/** A link that changes these parameters and keeps the others; null or "" removes one. */
export function link(changes) {
  const next = parameters();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  return `#${next}`;
}

/** The same without a new entry in the browser's history, as for a filter that is being typed. */
export function replaceAddress(changes) {
  history.replaceState(null, "", link(changes));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The page of a subsystem, and back: without what was chosen on another page. */
export const subsystemLink = (name) =>
  link({ subsystem: name, document: null, from: null, to: null });
export const boardLink = () => subsystemLink(null);
