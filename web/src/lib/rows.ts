import { shortType, type Gap, type TagcastEvent } from "tagcast-client";

/** One line of the live view. */
export type Row = EventRow | GapRow;

export interface EventRow {
  kind: "event";
  event: TagcastEvent;
  /** The end of the same tag's old image, where a tag moved. */
  from?: TagcastEvent;
}

export interface GapRow {
  kind: "gap";
  gap: Gap;
}

/** What a line is called and coloured as. */
export type Look = "image" | "tag" | "moved" | "untagged" | "gone" | "chart" | "chart-gone" | "pull" | "scan";

const LOOKS: Record<string, Look> = {
  CreateImage: "image",
  CreateImageTag: "tag",
  DeleteImageTag: "untagged",
  DeleteImage: "gone",
  CreateChart: "chart",
  DeleteChart: "chart-gone",
  PullImage: "pull",
  ScanImage: "scan",
};

const WORDS: Record<Look, string> = {
  image: "new image",
  tag: "tag set",
  moved: "tag moved",
  untagged: "tag removed",
  gone: "image deleted",
  chart: "new chart",
  "chart-gone": "chart deleted",
  pull: "pulled",
  scan: "scanned",
};

export function lookOf({ event, from }: EventRow): Look {
  return from ? "moved" : lookOfType(shortType(event));
}

export function lookOfType(type: string): Look {
  return LOOKS[type] ?? "tag";
}

/** In words; the type itself, where it is newer than this page. */
export function wordsOf(row: EventRow): string {
  return row.from ? WORDS.moved : wordsOfType(shortType(row.event));
}

export function wordsOfType(type: string): string {
  const look = LOOKS[type];
  return look ? WORDS[look] : type;
}

/** `registry/repository:tag`, as one writes it. */
export function nameOf({ details }: TagcastEvent): string {
  return `${details.registry_id}/${details.repository_name}${details.tag ? `:${details.tag}` : ""}`;
}

export function idOf(row: Row): string {
  return row.kind === "gap" ? `gap-${row.gap.from}` : row.event.event_metadata.event_id;
}

/** Puts events behind `rows`, in log order. A tag's end and its new image, neighbours, become one line. */
export function append(rows: Row[], events: TagcastEvent[]): void {
  for (const event of events) {
    const before = rows.at(-1);
    if (before?.kind === "event" && !before.from && moved(before.event, event)) {
      rows[rows.length - 1] = { kind: "event", event, from: before.event };
    } else rows.push({ kind: "event", event });
  }
}

/** Whether `from` then `to` is one tag on its way from one image to another. */
function moved(from: TagcastEvent, to: TagcastEvent): boolean {
  return (
    shortType(to) === "CreateImageTag" &&
    shortType(from) === "DeleteImageTag" &&
    from.details.tag === to.details.tag &&
    from.details.repository_name === to.details.repository_name &&
    from.details.registry_id === to.details.registry_id &&
    neighbours(from.event_metadata.event_id, to.event_metadata.event_id)
  );
}

const DIGITS = "0123456789abcdefghijklmnopqrstuv";

/** Whether `second` is the next event of the log: ids count in base 32, the low 53 bits are the offset. */
export function neighbours(first: string, second: string): boolean {
  return first.slice(0, 12) === second.slice(0, 12)
    ? low(second) - low(first) === 1
    : low(first) === 32 ** 8 - 1 && low(second) === 0;
}

function low(id: string): number {
  let value = 0;
  for (const digit of id.slice(12)) value = value * 32 + DIGITS.indexOf(digit);
  return value;
}

/** How many events stand in these lines. */
export function countEvents(rows: Row[]): number {
  return rows.reduce((sum, row) => sum + (row.kind === "gap" ? 0 : row.from ? 2 : 1), 0);
}
