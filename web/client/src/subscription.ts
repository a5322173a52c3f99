import { pause } from "./backoff.js";
import { passes, verdict } from "./closing.js";
import { TagcastError, type ServerMessage } from "./messages.js";
import type { Batch, OnBatch, Options, State } from "./options.js";
import { whyRefused } from "./probe.js";
import { Queue } from "./queue.js";
import { openSocket, protocols, type Socket } from "./socket.js";
import { HEARTBEAT, onReturn, Watch } from "./watch.js";

export type { Batch, OnBatch, Options, State } from "./options.js";

const ID = "s";
const HIGH_WATER = 20_000;
/** A connection that was live for so long begins a new count of failures. */
const STEADY = 10_000;
/** How long a handshake may take. */
const OPENING = 15_000;

/**
 * Subscribes. With `onBatch` batches are handed to it; without one, iterate:
 * `for await (const batch of subscribe({ filter }))`.
 *
 * It reconnects and resumes by itself, so that every matching event comes once and in order, until it
 * is closed or the gateway refuses it for good.
 */
export function subscribe(options: Options = {}, onBatch?: OnBatch): Subscription {
  return new Subscription(options, onBatch);
}

/** A filter and a window, held over any number of connections. Made by {@link subscribe}. */
export class Subscription implements AsyncIterable<Batch> {
  /** Everything up to here was handed over: what to give as `after` another time. */
  position: string | undefined;
  /** How it is. */
  state: State = { name: "connecting" };
  /** Settled when it has ended: by {@link close}, or by an error that no new try would mend. */
  readonly closed: Promise<TagcastError | undefined>;

  readonly #options: Options;
  readonly #base: string;
  readonly #queue: Queue;
  #settle: (error: TagcastError | undefined) => void = () => undefined;
  #onBatch: OnBatch | undefined;
  /** Up to here everything has arrived. */
  #received: string | undefined;
  #socket: Socket | undefined;
  readonly #watch = new Watch((limit) => this.#silent(limit));
  #unlisten: () => void = () => undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #opening: ReturnType<typeof setTimeout> | undefined;
  /** The question why the last handshake was refused, while nobody has gone on without its answer. */
  #asked: object | undefined;
  #failures = 0;
  #liveSince = 0;
  #held = false;
  #paused = false;

  constructor(options: Options, onBatch?: OnBatch) {
    this.#options = options;
    this.#onBatch = onBatch;
    this.#base = baseOf(options.url);
    this.position = this.#received = options.after;
    this.closed = new Promise((settle) => (this.#settle = settle));
    this.#queue = new Queue(
      () => this.#drained(),
      (error) => this.#end(new TagcastError("taker_failed", String(error))),
    );
    options.signal?.addEventListener("abort", () => this.close());
    this.#unlisten = onReturn(() => this.#look());
    // Deferred, so that whoever subscribes has the subscription before it is told anything.
    queueMicrotask(() => {
      if (options.signal?.aborted) this.close();
      else this.#connect();
    });
  }

  /** Ends it. No batch follows. */
  close(): void {
    this.#end(undefined);
  }

  /** Gives the connection back; what comes meanwhile waits in the gateway's log. */
  pause(): void {
    if (this.#paused || this.state.name === "closed") return;
    this.#paused = true;
    this.#disconnect();
    this.#say({ name: "paused" });
  }

  /** Goes on behind the last event that came. */
  resume(): void {
    if (!this.#paused || this.state.name === "closed") return;
    this.#paused = false;
    this.#failures = 0;
    this.#connect();
  }

  /** Tries to connect now, if it waits: a page that is online again need not wait any longer. */
  retryNow(): void {
    if (this.state.name === "waiting") this.#connect();
  }

  /** Batches as they come. Ends when the subscription is closed, and throws what ended it otherwise. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    if (this.#onBatch) throw new TypeError("its batches go to onBatch already");
    const waiting: { batch: Batch; taken: () => void }[] = [];
    let wake: () => void = () => undefined;
    let ended: { error: TagcastError | undefined } | undefined;
    this.#onBatch = (batch) =>
      new Promise<void>((taken) => {
        waiting.push({ batch, taken });
        wake();
      });
    void this.closed.then((error) => {
      ended = { error };
      wake();
    });
    try {
      for (;;) {
        const next = waiting.shift();
        if (next) {
          yield next.batch;
          next.taken();
        } else if (ended) {
          if (ended.error) throw ended.error;
          return;
        } else await new Promise<void>((woken) => (wake = woken));
      }
    } finally {
      this.close();
    }
  }

  #connect(): void {
    clearTimeout(this.#retry);
    if (this.#paused || this.#held) return;
    this.#say({ name: "connecting" });
    const open = this.#options.openSocket ?? openSocket;
    const url = `${this.#base}/v1/ws?heartbeat=${HEARTBEAT}`;
    const socket = open(url.replace(/^http/, "ws"), protocols(this.#options.token));
    this.#socket = socket;
    let opened = false;
    const own = () => this.#socket === socket;
    this.#opening = setTimeout(() => {
      if (own()) void this.#refused(url);
    }, OPENING);
    socket.onopen = () => {
      opened = true;
      if (!own()) return;
      clearTimeout(this.#opening);
      this.#watch.start();
      socket.send(JSON.stringify(this.#request()));
    };
    socket.onmessage = ({ data }) => {
      if (own()) this.#hear(String(data));
    };
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => {
      if (!own()) return;
      if (opened) this.#lost(code, reason);
      else void this.#refused(url);
    };
  }

  #hear(text: string): void {
    const message = read(text);
    if (!message) {
      this.#end(new TagcastError("foreign", "what answers speaks another protocol"));
      return;
    }
    this.#watch.hear(message.subscribed === undefined);
    this.#take(message);
  }

  #request(): unknown {
    const { filter, batch } = this.#options;
    return { subscribe: { id: ID, filter: filter === "" ? true : filter, batch, after: this.#received } };
  }

  #take(message: ServerMessage): void {
    const { messages, subscribed, position, gap, error } = message;
    if (messages) {
      const last = messages.at(-1)?.event_metadata.event_id;
      if (last === undefined) return;
      this.#received = last;
      this.#hand(messages.length, last, () => this.#onBatch?.({ events: messages, position: last }));
      if (this.#queue.weight > (this.#options.highWater ?? HIGH_WATER)) this.#hold();
    } else if (subscribed) {
      this.#received = subscribed.position;
      this.#liveSince = Date.now();
      this.#say({ name: "live" });
      this.#hand(0, subscribed.position, () => this.#options.onSubscribed?.(subscribed));
    } else if (position) {
      this.#received = position.event_id;
      this.#hand(0, position.event_id, () => this.#options.onPosition?.(position.event_id));
    } else if (gap) {
      this.#received = gap.to;
      this.#hand(0, gap.to, () => this.#options.onGap?.(gap));
    } else if (error) {
      const reason = new TagcastError(error.code, error.message, error.details);
      if (passes(error.code)) this.#later(1_000 * Number(error.details?.retry_after ?? 0), reason);
      else this.#end(reason);
    }
  }

  /** One thing after the other, in the order of the log, so that `position` never runs ahead. */
  #hand(weight: number, position: string, run: () => unknown): void {
    this.#queue.push(weight, () => {
      if (this.state.name === "closed") return undefined;
      const done = run();
      if (done instanceof Promise) return done.then(() => void (this.position = position));
      this.position = position;
      return undefined;
    });
  }

  #hold(): void {
    this.#held = true;
    this.#disconnect();
  }

  #drained(): void {
    if (!this.#held || this.#queue.weight > (this.#options.highWater ?? HIGH_WATER) / 2) return;
    this.#held = false;
    if (this.state.name !== "closed") this.#connect();
  }

  #lost(code: number, reason: string): void {
    const asked = verdict(code);
    const words =
      reason || (code === 1006 ? "the connection was lost" : `the connection was closed with ${code}`);
    const error = new TagcastError(`closed_${code}`, words);
    if (asked.then === "stop") {
      this.#end(error);
      return;
    }
    this.#settleDown();
    if (asked.atOnce && this.#failures === 0) {
      this.#disconnect();
      this.#failures = 1;
      this.#connect();
    } else this.#later(asked.atLeast, error);
  }

  /** After a time that was good enough its failures are forgotten. */
  #settleDown(): void {
    if (this.#liveSince > 0 && Date.now() - this.#liveSince >= STEADY) this.#failures = 0;
  }

  #silent(limit: number): void {
    this.#settleDown();
    this.#later(0, new TagcastError("silent", `nothing came for ${limit / 1_000} s`));
  }

  /** The page is looked at, or online, again. */
  #look(): void {
    this.retryNow();
    this.#watch.look();
  }

  async #refused(url: string): Promise<void> {
    this.#disconnect();
    const asked = (this.#asked = {});
    const { error, final, atLeast } = await whyRefused(url, this.#options.token);
    if (this.#asked !== asked || this.state.name !== "connecting") return;
    if (final) this.#end(error);
    else this.#later(atLeast, error);
  }

  #later(atLeast: number, reason: TagcastError): void {
    this.#disconnect();
    this.#failures += 1;
    const random = (this.#options.random ?? Math.random)();
    const wait = atLeast + pause(this.#failures, random);
    this.#say({ name: "waiting", wait, failures: this.#failures, reason });
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #disconnect(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#opening);
    this.#watch.stop();
    this.#asked = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#liveSince = 0;
    socket?.close(1000);
  }

  #end(error: TagcastError | undefined): void {
    if (this.state.name === "closed") return;
    this.#disconnect();
    this.#unlisten();
    this.#queue.clear();
    this.#say(error ? { name: "closed", error } : { name: "closed" });
    this.#settle(error);
  }

  #say(state: State): void {
    this.state = state;
    this.#options.onState?.(state);
  }
}

/** A gateway's message is an object. */
function read(text: string): ServerMessage | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === "object" && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

function baseOf(url: string | undefined): string {
  const base = url ?? (globalThis as { location?: { origin: string } }).location?.origin;
  if (!base) throw new TypeError("url is missing: http://127.0.0.1:8080, say");
  return base.replace(/^ws/, "http").replace(/\/+$/, "");
}
