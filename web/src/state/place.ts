import { computed, signal } from "@preact/signals";

import { read, write, type Place } from "../lib/url.js";

/** Where the page is; the URL follows it, and it follows the URL. */
export const place = signal<Place>(read(location.search));

export const filter = computed(() => place.value.filter);

/** Goes there. `replace` for what is no step that one would want to go back to. */
export function go(to: Partial<Place>, replace = false): void {
  const next = { ...place.value, ...to };
  const url = location.pathname + write(next);
  if (url !== location.pathname + location.search) {
    if (replace) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
  }
  place.value = next;
}

/** The address of another place, for links. */
export function href(to: Partial<Place>): string {
  return location.pathname + write({ ...place.value, ...to });
}

addEventListener("popstate", () => (place.value = read(location.search)));
