// The live view's events: what was, then what comes, with no seam between them.
import { batch as atOnce, effect, signal, untracked } from "@preact/signals";
import {
  shortType,
  subscribe,
  TagcastError,
  type State,
  type Subscription,
  type TagcastEvent,
} from "tagcast-client";

import { filterOf, type ApiError } from "../lib/api.js";
import { here } from "../lib/here.js";
import { Meter } from "../lib/meter.js";
import { EventList } from "./event_list.js";
import { asApiError } from "./load.js";
import { place } from "./place.js";
import { announcement, api, token, tokenWanted } from "./session.js";

/** Events that a paused view holds itself; what comes beyond them waits in the gateway's log. */
const HOLD = 50_000;
/** Milliseconds; drawing more often would show nothing more. */
const DRAW_EVERY = 120;
const ANNOUNCE_EVERY = 15_000;
const ASK_AGAIN = 2_000;
const MINUTES = 10;

/** How the connection is. */
export const connection = signal<State>({ name: "connecting" });
/** Why there is none; nothing where there is one, or never was. */
export const lost = signal("");
/** When it will be tried again. */
export const retryAt = signal(0);
export const paused = signal(false);
/** How many events wait while paused. */
export const held = signal(0);
/** Why there are no events, or not all. */
export const trouble = signal<{ code: string; message: string } | undefined>(undefined);
/** Whether the gateway has told what was before. */
export const loaded = signal(false);
export const older = signal<"more" | "loading" | "none">("none");
/** The filter as the gateway understood it. */
export const understood = signal("");

const list = new EventList();
/** What is to be drawn: set anew whenever the list has changed. */
export const drawn = signal({ list });
/** Events by second, of each type and of all. */
export const meters = new Map([["all", new Meter(MINUTES * 60)]]);
/** Batches by second. */
export const batches = new Meter(MINUTES * 60);

let subscription: Subscription | undefined;
let generation = 0;
let waiting: TagcastEvent[] = [];
let next: string | undefined;
let drawTimer: ReturnType<typeof setTimeout> | undefined;
let unannounced = 0;

/** Follows the place and the token from now on. */
export function start(): void {
  let shown: string | undefined;
  effect(() => {
    const { filter, size, cutoff } = place.value;
    const wanted = JSON.stringify([filter, size, cutoff, token.value]);
    if (wanted === shown) return;
    shown = wanted;
    untracked(() => void begin());
  });
  setInterval(announce, ANNOUNCE_EVERY);
}

/** Shows what was, then subscribes behind it. */
export async function begin(): Promise<void> {
  const own = ++generation;
  const { filter, size, cutoff } = place.value;
  subscription?.close();
  subscription = undefined;
  waiting = [];
  atOnce(() => {
    trouble.value = undefined;
    paused.value = false;
    held.value = 0;
  });
  const after = await past(filter, own);
  if (own !== generation || after === false) return;
  subscription = subscribe(
    {
      url: here(),
      filter: filterOf(filter),
      batch: { size, cutoff },
      after,
      token: token.value || undefined,
      onState: (state) => own === generation && follow(state),
      onSubscribed: (subscribed) => (understood.value = subscribed.filter),
      onGap: (gap) => {
        list.gap(gap);
        announcement.value = `Events are missing: ${gap.reason}.`;
        draw();
      },
    },
    ({ events }) => {
      if (own === generation) take(events);
    },
  );
}

/** Fills the list with the newest events of the log. Gives the place to go on from; false: not at all. */
async function past(filter: string, own: number): Promise<string | undefined | false> {
  try {
    const page = await api.newest(filter);
    if (own !== generation) return false;
    refill(page.messages, page.next);
    return page.position;
  } catch (error) {
    if (own !== generation) return false;
    return cannotTellThePast(asApiError(error), own);
  }
}

function cannotTellThePast(error: ApiError, own: number): string | undefined | false {
  if (error.code === "not_found") {
    refill([], undefined);
    trouble.value = {
      code: "no_past",
      message: "This gateway can't show earlier events; new ones will come.",
    };
    return undefined;
  }
  const reason = new TagcastError(error.code, error.message, error.details as TagcastError["details"]);
  if (error.passes) {
    follow({ name: "waiting", wait: ASK_AGAIN, failures: 1, reason });
    setTimeout(() => own === generation && void begin(), ASK_AGAIN);
    return false;
  }
  refill([], undefined);
  follow({ name: "closed", error: reason });
  return false;
}

function refill(newestFirst: TagcastEvent[], more: string | undefined): void {
  list.clear();
  list.addOlder(newestFirst);
  next = more;
  atOnce(() => {
    loaded.value = true;
    older.value = more ? "more" : "none";
    drawn.value = { list };
  });
}

/** Asks for what was before the oldest line. */
export async function loadOlder(): Promise<void> {
  if (older.value !== "more") return;
  const own = generation;
  older.value = "loading";
  try {
    const page = await api.newest(place.value.filter, next ?? list.oldest);
    if (own !== generation) return;
    list.addOlder(page.messages);
    next = page.next;
    older.value = next ? "more" : "none";
  } catch (error) {
    older.value = "more";
    trouble.value = { code: "older", message: (error as Error).message };
  }
  drawn.value = { list };
}

/** Stops the list, not the events: they wait, here or in the gateway's log. */
export function pause(): void {
  paused.value = true;
}

export function resume(): void {
  paused.value = false;
  const events = waiting;
  waiting = [];
  held.value = 0;
  show(events);
  subscription?.resume();
}

/** Tries to connect now. */
export function retryNow(): void {
  if (subscription && connection.value.name !== "closed") subscription.retryNow();
  else void begin();
}

function follow(state: State): void {
  if (state.name === "paused" && paused.value) return;
  connection.value = state;
  if (state.name === "waiting") retryAt.value = Date.now() + state.wait;
  // While it is tried again the reason still holds.
  if (state.name === "waiting") lost.value = state.reason.message;
  else if (state.name !== "connecting") lost.value = "";
  if (state.name === "closed" && state.error) {
    if (state.error.code === "unauthenticated") tokenWanted.value = "needed";
    trouble.value = { code: state.error.code, message: state.error.message };
  }
}

function take(events: TagcastEvent[]): void {
  const now = Date.now();
  batches.add(now, 1);
  meters.get("all")?.add(now, events.length);
  for (const event of events) meterOf(shortType(event)).add(now, 1);
  if (!paused.value) {
    show(events);
    return;
  }
  for (const event of events) waiting.push(event);
  held.value = waiting.length;
  if (waiting.length >= HOLD) subscription?.pause();
}

function meterOf(type: string): Meter {
  let meter = meters.get(type);
  if (!meter) meters.set(type, (meter = new Meter(MINUTES * 60)));
  return meter;
}

function show(events: TagcastEvent[]): void {
  if (list.add(events)) {
    next = undefined;
    older.value = "more";
  }
  unannounced += events.length;
  draw();
}

function draw(): void {
  drawTimer ??= setTimeout(() => {
    drawTimer = undefined;
    drawn.value = { list };
  }, DRAW_EVERY);
}

function announce(): void {
  if (unannounced > 0 && place.value.view === "live") {
    announcement.value = unannounced === 1 ? "1 new event" : `${unannounced} new events`;
  }
  unannounced = 0;
}
