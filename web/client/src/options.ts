import type { TagcastEvent } from "./events.js";
import type { BatchBounds, Filter, Gap, Subscribed, TagcastError } from "./messages.js";
import type { OpenSocket } from "./socket.js";

/** How a subscription is. */
export type State =
  | { name: "connecting" }
  | { name: "live" }
  /** Not connected, because of `reason`; the next try is `wait` ms after this was told. */
  | { name: "waiting"; wait: number; failures: number; reason: TagcastError }
  | { name: "paused" }
  | { name: "closed"; error?: TagcastError };

/** The events of one closed window. */
export interface Batch {
  events: TagcastEvent[];
  /** Its last event's id: what to give as `after` to go on behind it. */
  position: string;
}

/** Takes a batch. While what it returns is not settled, the next one waits. */
export type OnBatch = (batch: Batch) => void | Promise<void>;

/** What to subscribe to, and whom to tell. */
export interface Options {
  /** The gateway, `https://tagcast.example.com`; in a browser, without one, the page's own. */
  url?: string | undefined;
  /** Which events; without one all that may be read. */
  filter?: Filter | undefined;
  /** Bounds of a batch. */
  batch?: BatchBounds | undefined;
  /** An event's id, a time in RFC 3339 or `"earliest"`; without one from now on. */
  after?: string | undefined;
  /** Where the gateway has readers. */
  token?: string | undefined;
  /** Ends the subscription. */
  signal?: AbortSignal | undefined;
  /** Told each time the gateway has taken the subscription, also after a reconnect. */
  onSubscribed?: ((subscribed: Subscribed) => void) | undefined;
  /** Told of events that can't come any more. */
  onGap?: ((gap: Gap) => void) | undefined;
  /** Told of each change. */
  onState?: ((state: State) => void) | undefined;
  /** Told of each event's place that was passed without a match. */
  onPosition?: ((position: string) => void) | undefined;
  /** Events that may wait for a slow taker before the connection is given back; the log keeps the rest. */
  highWater?: number | undefined;
  /** Another WebSocket. */
  openSocket?: OpenSocket | undefined;
  /** From 0 to 1; for tests. */
  random?: (() => number) | undefined;
}
