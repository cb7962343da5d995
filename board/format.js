// Numbers and times as people read them.

export const QUANTITIES = [
  { name: "mass_kg", label: "Mass", unit: "kg", digits: 2 },
  { name: "cost_usd", label: "Cost", unit: "USD", digits: 0 },
  { name: "power_w", label: "Power", unit: "W", digits: 0 },
];

// Made once, because toLocaleString makes one for each number: a third of the page's first drawing.
const INTEGER = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const DECIMAL = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** 12.5 or 4,920: at most so many digits behind the point, 0 or 2. */
export const number = (value, digits = 2) => (digits ? DECIMAL : INTEGER).format(value);

/** 12:03:10 in local time. */
export const clock = (time) => CLOCK.format(new Date(time));

/** 12:03:10 today, else with the day before it. */
export function moment(time) {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(date) : `${date.toLocaleDateString("sv")} ${clock(date)}`;
}

/** 0:09, 4:59 or 2 h 05 min; never below 0. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const two = (count) => String(count).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** 1 conflict, 2 conflicts. */
export const count = (many, one, more = `${one}s`) =>
  `${number(many, 0)} ${many === 1 ? one : more}`;

/** At most so many characters, and an ellipsis for the rest. Never half of a surrogate pair. */
export function shortened(text, length) {
  if (text.length <= length) return text;
  return `${text.slice(0, length).replace(/[\ud800-\udbff]$/, "")}…`;
}
