// Small parts that several others are made of.

import { Component, createContext, html, useEffect, useReducer, useState } from "./htm-preact.js";
import { number } from "./format.js";

/** How a part opens a dialog: useContext(Actions)({ kind: "resolve", conflict }). */
export const Actions = createContext(() => {});

/** A component that is drawn again only when one of its properties is another value. */
export const memo = (draw) =>
  class extends Component {
    shouldComponentUpdate(next) {
      const names = new Set([...Object.keys(next), ...Object.keys(this.props)]);
      return [...names].some((name) => next[name] !== this.props[name]);
    }

    // In a component of its own, whose state is not asked about here.
    render(properties) {
      return html`<${draw} ...${properties} />`;
    }
  };

/** Draw the component that uses it once a second, for what counts down. */
export function useSeconds() {
  const [, draw] = useReducer((turn) => turn + 1, 0);
  useEffect(() => {
    const timer = setInterval(draw, 1000);
    return () => clearInterval(timer);
  }, []);
}

/** How much of a limit is used. Beside it stands the figure, so a screen reader passes it by. */
export function Bar({ share }) {
  const level = share > 1 ? "over" : share > 0.9 ? "near" : "well";
  const width = `${Math.min(100, Math.max(0, share * 100))}%`;
  return html`<span class="bar ${level}" aria-hidden="true"><i style=${{ width }}></i></span>`;
}

/** What is used of what is allowed, in one cell; a dash where nothing is known. */
export function Figure({ used, limit, digits }) {
  if (used === null && limit === null) return html`<span class="none">–</span>`;
  const over = limit !== null && used > limit;
  // Of a limit of nothing any use is too much.
  const share = limit > 0 ? (used ?? 0) / limit : over ? Infinity : 0;
  return html`<span class=${over ? "figure is-over" : "figure"}>
    ${over && html`<span class="mark" role="img" aria-label="over budget">▲</span>`}
    <b>${used === null ? "–" : number(used, digits)}</b>
    ${limit !== null && html`<span class="limit"> / ${number(limit, digits)}</span>`}
    ${limit !== null && html`<${Bar} share=${share} />`}
  </span>`;
}

/**
 * How much of a list is shown, for ShowMore: {shown, onMore}. `listed` of `all` rows are here, and
 * `onList` has more of them listed, where there may be more.
 */
export function useRows({ first, step, listed, all, onList }) {
  const [limit, setLimit] = useState(first);
  function onMore() {
    if (limit + step > listed && listed < all) onList?.();
    setLimit(limit + step);
  }
  const more = limit < listed || onList;
  return { shown: Math.min(limit, listed), onMore: more ? onMore : null };
}

/** A button below a list that is longer than what is shown. */
export const ShowMore = ({ shown, all, what, onMore }) =>
  all > shown &&
  html`<p class="more">
    <span>${number(shown, 0)} of ${number(all, 0)} ${what}.</span>
    ${onMore && html`<button type="button" onClick=${onMore}>Show more</button>`}
  </p>`;
