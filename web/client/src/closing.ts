/** What a close code asks of a client. */
export type Verdict =
  | { then: "resume"; atLeast: number; atOnce?: boolean }
  /** Trying again unchanged would end the same way. */
  | { then: "stop" };

const RATE_LIMITED_WAIT = 30_000;

/** Codes outside the application's range by which the server says that this client is wrong, or done. */
const OURS = new Set([1000, 1002, 1003, 1007, 1008, 1009]);

/** 4000 to 4399: reconnect and resume. 4400 to 4499: don't repeat unchanged. A lost connection: resume. */
export function verdict(code: number): Verdict {
  if (code === 4003) return { then: "resume", atLeast: 0, atOnce: true };
  if (code === 4429) return { then: "resume", atLeast: RATE_LIMITED_WAIT };
  if (code >= 4400 && code <= 4499) return { then: "stop" };
  return OURS.has(code) ? { then: "stop" } : { then: "resume", atLeast: 0 };
}

/** Errors of a subscription that pass by themselves. */
const PASSING = new Set([
  "storage_failed",
  "rate_limited",
  "overloaded",
  "shutting_down",
  "credentials_rate",
  "handshake_rate",
  "too_many_connections",
]);

/** Whether asking the same again later may help. */
export function passes(code: string): boolean {
  return PASSING.has(code);
}
