import type { Gap, TagcastEvent } from "tagcast-client";

import { Facets } from "../lib/facets.js";
import { append, type Row } from "../lib/rows.js";

/** Lines that are kept; older ones go, and can be asked for again. */
export const KEEP = 50_000;
/** Cutting the front off an array moves all the rest, so it is done seldom. */
const SLACK = 2_000;

/** The lines of the live view, the oldest first, and what is counted of them. */
export class EventList {
  rows: Row[] = [];
  readonly facets = new Facets();
  /** Lines that were ever put at the newer end: how far those before have moved down. */
  added = 0;

  clear(): void {
    this.rows = [];
    this.facets.clear();
    this.added = 0;
  }

  /** Puts events at the newer end. Says whether old ones had to go. */
  add(events: TagcastEvent[]): boolean {
    const before = this.rows.length;
    append(this.rows, events);
    this.added += this.rows.length - before;
    for (const event of events) this.facets.add(event);
    return this.#trim();
  }

  /** Puts a page, the newest first, at the older end. */
  addOlder(newestFirst: TagcastEvent[]): void {
    const rows: Row[] = [];
    append(rows, newestFirst.toReversed());
    for (const event of newestFirst) this.facets.add(event);
    this.rows = rows.concat(this.rows);
  }

  gap(gap: Gap): void {
    this.rows.push({ kind: "gap", gap });
    this.added += 1;
  }

  /** The line with this event. */
  find(id: string): Row | undefined {
    return this.rows.findLast((row) => row.kind === "event" && row.event.event_metadata.event_id === id);
  }

  /** The oldest event that is shown. */
  get oldest(): string | undefined {
    const row = this.rows.find((row) => row.kind === "event");
    return row && (row.from ?? row.event).event_metadata.event_id;
  }

  #trim(): boolean {
    if (this.rows.length <= KEEP + SLACK) return false;
    for (const row of this.rows.splice(0, this.rows.length - KEEP)) {
      if (row.kind === "gap") continue;
      this.facets.remove(row.event);
      if (row.from) this.facets.remove(row.from);
    }
    return true;
  }
}
