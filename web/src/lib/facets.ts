import { shortType, type TagcastEvent } from "tagcast-client";

/** What can be counted and clicked; each is a field of filters. */
export const FACETS = ["type", "repository", "tag", "source", "actor", "registry"] as const;
export type Facet = (typeof FACETS)[number];

export function valueOf(event: TagcastEvent, facet: Facet): string {
  const { details } = event;
  switch (facet) {
    case "type":
      return shortType(event);
    case "repository":
      return details.repository_name;
    case "tag":
      return details.tag;
    case "source":
      return details.source ?? "";
    case "actor":
      return details.actor ?? "";
    case "registry":
      return details.registry_id;
  }
}

/** How often each value stands in the events that are shown. */
export class Facets {
  readonly #counts = new Map<Facet, Map<string, number>>(FACETS.map((facet) => [facet, new Map()]));

  add(event: TagcastEvent): void {
    this.#change(event, 1);
  }

  remove(event: TagcastEvent): void {
    this.#change(event, -1);
  }

  clear(): void {
    for (const values of this.#counts.values()) values.clear();
  }

  /** The most frequent values that contain `part`, with their counts; empty ones are none. */
  top(facet: Facet, count: number, part = ""): [value: string, count: number][] {
    const best: [string, number][] = [];
    for (const entry of this.#counts.get(facet) ?? []) {
      if (part && !entry[0].includes(part)) continue;
      if (best.length === count && entry[1] <= (best.at(-1)?.[1] ?? 0)) continue;
      const at = best.findIndex((other) => other[1] < entry[1]);
      best.splice(at < 0 ? best.length : at, 0, entry);
      if (best.length > count) best.pop();
    }
    return best;
  }

  size(facet: Facet): number {
    return this.#counts.get(facet)?.size ?? 0;
  }

  #change(event: TagcastEvent, by: number): void {
    for (const facet of FACETS) {
      const value = valueOf(event, facet);
      const counts = this.#counts.get(facet);
      if (!value || !counts) continue;
      const now = (counts.get(value) ?? 0) + by;
      if (now > 0) counts.set(value, now);
      else counts.delete(value);
    }
  }
}
