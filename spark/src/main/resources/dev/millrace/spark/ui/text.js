// Numbers and times as people read them.

const COUNT_UNITS = ["", "k", "M", "G", "T"];
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

function scaled(value, step, units, join) {
  let unit = 0;
  let rest = Math.abs(value);
  while (rest >= step && unit < units.length - 1) {
    rest /= step;
    unit++;
  }
  const digits = unit === 0 ? (rest < 10 && rest % 1 !== 0 ? 1 : 0) : rest < 10 ? 2 : rest < 100 ? 1 : 0;
  return (value < 0 ? "−" : "") + rest.toFixed(digits) + join + units[unit];
}

/** 12345 as 12.3k. */
export const count = (value) => scaled(value, 1000, COUNT_UNITS, "");

/** 12345 as 12,345. */
export const whole = (value) => Math.round(value).toLocaleString("en-US");

export const bytes = (value) => scaled(value, 1024, BYTE_UNITS, " ");

export const rate = (perSecond) => count(perSecond) + "/s";

export const percent = (share) => (share > 0 && share < 0.01 ? "<1" : Math.round(share * 100)) + " %";

/** Milliseconds of a latency. */
export function latency(millis) {
  if (millis >= 1000) return (millis / 1000).toFixed(millis < 10000 ? 2 : 1) + " s";
  return millis.toFixed(millis < 10 ? 2 : millis < 100 ? 1 : 0) + " ms";
}

/** A latency on an axis, where all are powers of ten. */
export const roundLatency = (millis) => (millis >= 1000 ? whole(millis / 1000) + " s" : millis < 1 ? millis * 1000 + " µs" : millis + " ms");

/** How long something took or lasts. */
export function duration(millis) {
  const sign = millis < 0 ? "−" : "";
  const all = Math.abs(millis);
  if (all < 1000) return sign + Math.round(all) + " ms";
  if (all < 60000) return sign + (all / 1000).toFixed(1) + " s";
  const seconds = Math.floor(all / 1000);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  const [size, unit] = parts[first];
  const next = parts[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return sign + Math.floor(seconds / size) + " " + unit + (rest > 0 ? " " + rest + " " + next[1] : "");
}

const two = (value) => String(value).padStart(2, "0");

/** The time of day, in the browser's zone. */
export function clock(millis) {
  const time = new Date(millis);
  return two(time.getHours()) + ":" + two(time.getMinutes()) + ":" + two(time.getSeconds());
}

/** The time of day, and the day where it is not that of another moment. */
export const moment = (millis, now) =>
  (new Date(millis).toDateString() === new Date(now).toDateString() ? clock(millis) : dateAndClock(millis));

export function dateAndClock(millis) {
  const time = new Date(millis);
  return time.getFullYear() + "-" + two(time.getMonth() + 1) + "-" + two(time.getDate()) + " " + clock(millis);
}
