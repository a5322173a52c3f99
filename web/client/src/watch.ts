/** How often the gateway is asked to send something: the parameter of the URL. */
export const HEARTBEAT = "10s";
/** Milliseconds without anything after which a connection is dead. */
const SILENCE = 18_000;
/**
 * A message counts when all of it is there, and over a slow network one batch takes its time. So where a connection brought
 * nothing new, the next one gets twice as long, up to this.
 */
const LONGEST_SILENCE = 300_000;
/** A timer that comes so late was held up, and so was what might have come: that gets as long again. */
const HELD_UP = 2_000;

type Page = Pick<EventTarget, "addEventListener" | "removeEventListener">;

/**
 * Sees to it that something comes over a connection: a browser shows no pings, and nobody tells it that a network, or
 * what lies on the way, is gone.
 */
export class Watch {
  #limit = SILENCE;
  #heard = 0;
  #due = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onSilent told once of each connection that is dead, and after how many milliseconds of silence */
  constructor(private readonly onSilent: (limit: number) => void) {}

  /** A connection begins. */
  start(): void {
    this.hear(false);
    this.#lookIn(this.#limit);
  }

  /** Something came; whether it was something new. */
  hear(isNew: boolean): void {
    this.#heard = Date.now();
    if (isNew) this.#limit = SILENCE;
  }

  /** There is none any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Looks now: the page was away, or the network was. */
  look(): void {
    if (this.#timer === undefined) return;
    if (Date.now() - this.#heard >= this.#limit) this.#lookIn(HELD_UP);
  }

  #lookIn(wait: number): void {
    this.stop();
    this.#due = Date.now() + wait;
    this.#timer = setTimeout(() => this.#check(), wait);
  }

  #check(): void {
    const now = Date.now();
    const left = this.#heard + this.#limit - now;
    if (left > 0) this.#lookIn(left);
    else if (now - this.#due >= HELD_UP) this.#lookIn(HELD_UP);
    else {
      this.stop();
      const limit = this.#limit;
      this.#limit = Math.min(2 * limit, LONGEST_SILENCE);
      this.onSilent(limit);
    }
  }
}

/** Calls `look` when a page is looked at again, or is online again. Gives what ends that. */
export function onReturn(look: () => void): () => void {
  const { document, addEventListener } = globalThis as { document?: Page; addEventListener?: unknown };
  if (!document || typeof addEventListener !== "function") return () => undefined;
  const page = globalThis as unknown as Page;
  const places: [Page, string][] = [
    [document, "visibilitychange"],
    [page, "online"],
    [page, "pageshow"],
  ];
  for (const [place, name] of places) place.addEventListener(name, look);
  return () => {
    for (const [place, name] of places) place.removeEventListener(name, look);
  };
}
