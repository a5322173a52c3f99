import { effect, signal } from "@preact/signals";

import { Api } from "../lib/api.js";

/** Several gateways may be behind one host, under a path each, and none is to see another's token. */
const KEY = `token ${location.pathname}`;
/** A reader's token; kept for this tab alone. */
export const token = signal(sessionStorage.getItem(KEY) ?? "");
/** Why the reader is asked for a token: the gateway wants one, or another one is to be tried. */
export const tokenWanted = signal<false | "needed" | "another">(false);

export const api = new Api(
  () => token.value,
  () => (tokenWanted.value = "needed"),
);

export function signIn(given: string): void {
  sessionStorage.setItem(KEY, given);
  tokenWanted.value = false;
  token.value = given;
}

/** `auto` follows the system. */
export const theme = signal(localStorage.getItem("theme") ?? "auto");
effect(() => {
  localStorage.setItem("theme", theme.value);
  document.documentElement.dataset.theme = theme.value;
});

/** What screen readers are told, seldom. */
export const announcement = signal("");

/** Ticks once a second while the page is looked at. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
