// What the gateway tells of triggers; docs/triggers.md says what it means.

/** As it is written; what is left out has its default. */
export interface Definition {
  name: string;
  cloud_id?: string;
  filter?: Filter;
  batch: { size?: Scalar; cutoff?: Scalar; bytes?: Scalar };
  target: { http: Http } | { feed: string };
  retry: { attempts?: Scalar; interval?: Scalar; ttl?: Scalar };
  dead_letter: boolean;
  service_account?: string;
  enabled: boolean;
}

export type Filter = string | boolean | Record<string, unknown> | null;
export type Scalar = string | number;

export interface Http {
  url: string;
  format: string;
  headers?: Record<string, string>;
  auth?: { bearer: string } | { basic: string };
  signing_secret?: string;
  timeout?: Scalar;
}

export interface Trigger extends Definition {
  cloud_id: string;
  defined_in: "settings" | "api";
  understood?: string;
  state: State;
  /** Told once, when the gateway made it. */
  new_signing_secret?: string;
}

export interface State {
  status: "running" | "retrying" | "paused" | "disabled";
  reason?: string;
  position: string;
  behind: number;
  delivered: number;
  given_up: number;
  dead_letters: number;
  failures: number;
  failing_since?: string;
  next_attempt?: string;
  pending?: { id: string; first: string; last: string; count: number; attempts: number };
}

export interface Triggers {
  triggers: Trigger[];
  next?: string;
}

/** What a trigger made of one event. */
export interface LogRow {
  event_id: string;
  type: string;
  registry: string;
  repository: string;
  tag?: string;
  outcome: Outcome;
  refused_by?: { text: string; value: string };
  delivery?: Delivery;
}

export type Outcome = "triggered" | "untriggered";

export interface Delivery extends Answer {
  id: string;
  count: number;
  outcome: "delivered" | "retrying" | "dead_letter" | "dropped";
  attempts: number;
  at: string;
  latency_ms: number;
}

/** How a target answered: with a status, or why it did not. */
export interface Answer {
  status?: number;
  failure?: string;
  answer?: string;
}

export interface LogPage {
  rows: LogRow[];
  next?: string;
}

export interface DeadLetter extends Answer {
  id: string;
  at: string;
  count: number;
  url: string;
  attempts: number;
  size: number;
  gap?: string;
  tried_again?: string;
}

export interface DeadLetters {
  dead_letters: DeadLetter[];
  next?: string;
}

/** What a page that stands already, and perhaps was followed further back, becomes with the newest one. */
export function withNewest(known: LogPage | undefined, newest: LogPage): LogPage {
  const last = newest.rows.at(-1);
  if (!known) return newest;
  if (!last) return known;
  const meeting = known.rows.findIndex(({ event_id }) => event_id === last.event_id);
  // Rows between the two were never seen: it begins anew.
  if (meeting < 0) return newest;
  return { ...known, rows: [...newest.rows, ...known.rows.slice(meeting + 1)] };
}
