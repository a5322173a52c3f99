// What the gateway tells of itself, polled while the page is looked at, and kept for a few minutes.
import { signal } from "@preact/signals";

import type { ApiError, Server } from "../lib/api.js";
import { api } from "./session.js";

const EVERY = 2_000;
/** Five minutes. */
const KEEP = 150;

export interface Poll {
  at: number;
  server: Server;
}

/** The oldest first. */
export const polls = signal<Poll[]>([]);
export const pollFailed = signal<ApiError | undefined>(undefined);

export const newest = (): Server | undefined => polls.value.at(-1)?.server;

/** Polls from now on. */
export function startPolling(): void {
  void poll();
  setInterval(() => {
    if (!document.hidden) void poll();
  }, EVERY);
}

let polling = false;

async function poll(): Promise<void> {
  if (polling) return;
  polling = true;
  try {
    const server = await api.server();
    polls.value = [...polls.value, { at: Date.now(), server }].slice(-KEEP);
    pollFailed.value = undefined;
  } catch (error) {
    pollFailed.value = error as ApiError;
  } finally {
    polling = false;
  }
}
