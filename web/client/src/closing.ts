// What ends a subscription and what passes. `src/protocol/recovery.rs` says the same for the gateway's own commands, and
// a test holds these lists against it.

/** What a close code asks of a client. */
export type Verdict =
  | { then: "resume"; atLeast: number; atOnce?: boolean }
  /** Trying again unchanged would end the same way. */
  | { then: "stop" };

const RATE_LIMITED_WAIT = 30_000;

/** Close codes outside the application's range by which the server says that this client is wrong. */
const FINAL_CLOSES = new Set([1002, 1003, 1007, 1009]);
/** The server is there and wants to be asked anew. */
const AT_ONCE = new Set([4003, 4004]);

/** 4000 to 4399: reconnect and resume. 4400 to 4499: don't repeat unchanged. A lost connection: resume. */
export function verdict(code: number): Verdict {
  if (AT_ONCE.has(code)) return { then: "resume", atLeast: 0, atOnce: true };
  if (code === 4429) return { then: "resume", atLeast: RATE_LIMITED_WAIT };
  if (code >= 4400 && code <= 4499) return { then: "stop" };
  return FINAL_CLOSES.has(code) ? { then: "stop" } : { then: "resume", atLeast: 0 };
}

/** Errors of a subscription, and of opening a WebSocket, that pass by themselves. */
const PASSING = new Set([
  "storage_failed",
  "rate_limited",
  "overloaded",
  "shutting_down",
  "credentials_rate",
  "handshake_rate",
  "too_many_connections",
]);
/** Statuses that pass, whoever answers. Those from 500 on do so too. */
const PASSING_STATUSES = new Set([408, 425, 429]);
/** Those of a proxy that has no gateway behind it for now, and so answers itself. */
const PROXY_STATUSES = new Set([404, 421]);
/** The gateway is elsewhere, for good. Other redirects, and pages with a success, are there for a while. */
const MOVED = new Set([301, 308]);

/** Whether asking the same again later may help. */
export function passes(code: string): boolean {
  return PASSING.has(code);
}

/**
 * Whether an answer in place of what was asked for may be another one later.
 *
 * @param status its status
 * @param code that of the gateway's error in it; none: it was no gateway that answered, but something on the way to it
 */
export function mayPass(status: number, code: string | undefined): boolean {
  if (status >= 500 || PASSING_STATUSES.has(status)) return true;
  if (code !== undefined) return passes(code);
  return status < 400 ? !MOVED.has(status) : PROXY_STATUSES.has(status);
}
