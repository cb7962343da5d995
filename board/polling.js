// Asks again and again: not while the page is hidden, and rarely where the answer is slow, so that
// a board never costs more than a tenth of the time.

const SLOWEST_MS = 15_000;
const TIMES_THE_ANSWER = 10;

/** How long to wait: at least the interval, and ten times as long as the answer took. */
export const pause = (interval, took) => Math.max(interval, TIMES_THE_ANSWER * took);

/** How long to wait after a number of failures in a row. */
export const pauseAfterFailure = (failures) => Math.min(SLOWEST_MS, 500 * 2 ** failures);

/**
 * Calls `ask` until `stop()`. `interval()` is in milliseconds, Infinity for never; `failed` is told
 * of each error. `now()` asks at once.
 */
export function poll({ ask, interval, failed }) {
  let timer = null;
  let asking = false;
  let again = false;
  let stopped = false;
  let failures = 0;

  async function turn() {
    clearTimeout(timer);
    again = asking;
    if (asking || stopped || document.hidden) return;
    asking = true;
    const began = performance.now();
    let wait;
    try {
      await ask();
      failures = 0;
      wait = pause(interval(), performance.now() - began);
    } catch (error) {
      if (!stopped) failed(error);
      wait = pauseAfterFailure((failures += 1));
    }
    asking = false;
    if (again) turn();
    else if (!stopped && Number.isFinite(wait)) timer = setTimeout(turn, wait);
  }

  const shownAgain = () => Number.isFinite(interval()) && turn();
  document.addEventListener("visibilitychange", shownAgain);
  turn();
  return {
    now: turn,
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shownAgain);
    },
  };
}
