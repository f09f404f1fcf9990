// Numbers as people read them.

const whole = new Intl.NumberFormat("en");
const number = (value) => whole.format(value);
const compact = (value) =>
  value < 100000 ? number(value) : new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
const decimal = (value, digits = 1) =>
  new Intl.NumberFormat("en", { minimumFractionDigits: 0, maximumFractionDigits: digits }).format(value);

/** A share in percent; a small one is not called nothing. */
const percent = (part, all) => {
  if (!all) return "–";
  const share = (100 * part) / all;
  if (share > 0 && share < 0.1) return "under 0.1 %";
  return `${share >= 99.95 && part < all ? "99.9" : decimal(share, share < 10 ? 1 : 0)} %`;
};

/** Minutes as hours and minutes. */
const minutes = (value) => {
  const rounded = Math.round(value * 10) / 10;
  if (rounded < 60) return `${decimal(rounded)} min`;
  const hours = Math.floor(rounded / 60);
  if (hours >= 48) return `${decimal(rounded / 1440)} days`;
  const rest = Math.round(rounded - hours * 60);
  return rest === 60 ? `${hours + 1} h` : rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
};

const bytes = (value) => {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${decimal(value, unit === 0 ? 0 : 1)} ${units[unit]}`;
};

const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

/** A day by its number since 1970-01-01. */
const day = (value, style = { day: "numeric", month: "short", year: "numeric" }) =>
  new Intl.DateTimeFormat("en-GB", { ...style, timeZone: "UTC" }).format(new Date(value * 86400000));
const dayName = (value) => day(value, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
const isoDay = (value) => new Date(value * 86400000).toISOString().slice(0, 10);
const instant = (text) => `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const twoDigits = (value) => String(value).padStart(2, "0");
