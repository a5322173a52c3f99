const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const dated = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const full = new Intl.DateTimeFormat(undefined, {
  dateStyle: "full",
  timeStyle: "long",
});

const SPANS: [seconds: number, unit: string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** `12 s ago`; times ahead of this clock are now. */
export function relative(at: number, now: number): string {
  const past = Math.floor((now - at) / 1000);
  if (past < 1) return "now";
  for (const [span, unit] of SPANS) if (past >= span) return `${Math.floor(past / span)} ${unit} ago`;
  return "now";
}

/** The clock's time, with the date where it is another day. */
export function absolute(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return (sameDay ? clock : dated).format(at);
}

/** All of it, with the zone. */
export function whole(at: number): string {
  return full.format(at);
}

/** This browser's zone. */
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
