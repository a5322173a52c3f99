import { mayPass, type Gap, type TagcastEvent } from "tagcast-client";

import { here } from "./here.js";

/**
 * What a request that failed was answered with. `status` 0: no answer came. A code that begins with `http_` is none of the
 * gateway's: something on the way to it answered.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Details = {},
  ) {
    super(message);
  }

  /** Whether asking again later may help. */
  get passes(): boolean {
    if (this.status === 0) return true;
    return mayPass(this.status, this.code.startsWith("http_") ? undefined : this.code);
  }
}

/** Milliseconds within which a request is answered. */
const PATIENCE = 15_000;

/** Where a definition is wrong: a JSON pointer, and within a filter more. */
export interface Details extends FilterFault {
  field?: string;
}

/** Where a filter is wrong; `offset` and `length` count code points. */
export interface FilterFault {
  offset?: number;
  length?: number;
  pointer?: string;
  hint?: string;
}

export interface Checked {
  filter: string;
  sampled: number;
  matched: number;
  newest: string[];
}

export interface Page {
  messages: TagcastEvent[];
  gaps?: Gap[];
  position: string;
  next?: string;
}

export interface Source {
  name: string;
  kind: string;
  registry?: string | null;
  cloud: string;
  health: "ok" | "failing" | "warming" | "silent";
  last_event?: string | null;
  last_request?: string | null;
  counts: { accepted: number; duplicates: number; ignored: number; quarantined: number; refused: number };
  last_refusal?: { at: string; code: string; why: string } | null;
  warm_error?: string | null;
  quarantine?: number;
}

export interface Registries {
  registries: { registry: string; cloud_id: string }[];
  next?: string;
}

export interface Repositories {
  repositories: { repository: string; tags: number; images: number; last_change: string | null }[];
  next?: string;
}

export interface Repository {
  registry: string;
  repository: string;
  tags_total: number;
  images_total: number;
  last_change: string | null;
  tags: { tag: string; kind: "image" | "chart"; image_digest: string; named_at: string | null }[];
  next?: string;
}

export interface Connection {
  id: string;
  transport: string;
  address: string;
  identity: string | null;
  since: string;
  sent: { frames: number; bytes: number };
  queued: { bytes: number };
  subscriptions: {
    id?: string;
    filter: string;
    batch: { size: number; cutoff: string };
    live: boolean;
    position: string;
  }[];
}

/** Seconds since the start: `[upper bound, how many were no longer than that]`. */
export interface Histogram {
  count: number;
  sum: number;
  buckets: [number, number][];
}

export interface Server {
  version: string;
  node?: string;
  started_at?: string;
  time?: string;
  position: string;
  log: {
    epoch: number;
    oldest: number;
    newest: number;
    store?: string;
    max_age_seconds?: number;
    max_size_bytes?: number;
  };
  limits: Record<string, unknown>;
  counts?: {
    events: Record<string, number>;
    notifications: Record<string, number>;
    connections: Record<string, number>;
    subscriptions: number;
    groups: number;
    filters: number;
    batches_delivered: number;
    fell_behind: number;
    catalog_tags: number;
  };
  latency?: { commit: Histogram; delivery: Histogram; window: Histogram };
}

/** A filter's text as the protocol wants it: what starts with `{` is the shorthand's object. */
export function filterOf(text: string): string | true | Record<string, unknown> {
  const trimmed = text.trim();
  if (trimmed === "") return true;
  if (!trimmed.startsWith("{")) return text;
  try {
    return JSON.parse(trimmed) as Record<string, unknown>;
  } catch {
    // Let the gateway say what is wrong with it.
    return text;
  }
}

/** The gateway that serves this page. */
export class Api {
  constructor(
    private readonly token: () => string,
    private readonly onUnauthenticated: () => void,
  ) {}

  server = () => this.get<Server>("/v1/server");
  sources = () => this.get<{ sources: Source[] }>("/v1/sources");
  connections = () => this.get<{ connections: Connection[]; total: number }>("/v1/connections?limit=200");
  registries = () => this.get<Registries>("/v1/registries?limit=200");

  closeConnection = (id: string) => this.call("DELETE", `/v1/connections/${id}`);

  repositories(registry: string, cloud: string, after?: string): Promise<Repositories> {
    const query = queryOf({ cloud_id: cloud, limit: "200", after });
    return this.get(`/v1/registries/${encodeURIComponent(registry)}/repositories${query}`);
  }

  repository(registry: string, repository: string, cloud: string, after?: string): Promise<Repository> {
    const path = `/v1/registries/${encodeURIComponent(registry)}/repositories/${encodeURIComponent(repository)}`;
    return this.get(path + queryOf({ cloud_id: cloud, limit: "200", after }));
  }

  /** The newest events that match, the newest first; with `before` those before it. */
  newest(filter: string, before = "now", limit = 1000): Promise<Page> {
    return this.get(`/v1/events${queryOf({ filter: filter.trim(), before, limit: `${limit}` })}`);
  }

  check(filter: string, sample: number, signal?: AbortSignal): Promise<Checked> {
    return this.call("POST", "/v1/filters/check", { filter: filterOf(filter), sample }, { signal });
  }

  /** Posts what CNCF Distribution would, so that something can be seen. */
  notify(body: unknown): Promise<{ events: string[] }> {
    return this.call("POST", "/v1/sources/distribution/events", body);
  }

  get<T>(path: string): Promise<T> {
    return this.call("GET", path);
  }

  /** What was asked for, as it was sent. */
  async text(path: string): Promise<string> {
    return (await this.ask("GET", path, {})).text;
  }

  async call<T>(method: string, path: string, body?: unknown, more: More = {}): Promise<T> {
    const { status, text } = await this.ask(method, path, { ...more, body });
    if (text === "") return undefined as T;
    const value = parsed(text);
    if (value === undefined) throw notOurs(status);
    return value as T;
  }

  /** Asks, and gives the body of a success. */
  private async ask(
    method: string,
    path: string,
    { body, signal, patience = PATIENCE }: More & { body?: unknown },
  ): Promise<{ status: number; text: string }> {
    const token = this.token();
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), patience);
    const abort = () => stop.abort();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(here() + path, {
        method,
        headers: {
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: stop.signal,
      });
      text = await answer.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw stop.signal.aborted
        ? new ApiError(0, "timeout", "The gateway does not answer")
        : new ApiError(0, "unreachable", "The gateway can't be reached");
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
    const { status } = answer;
    if (answer.ok) return { status, text };
    const said = (parsed(text) as { error?: Partial<Said> } | undefined)?.error;
    if (typeof said?.code !== "string" || typeof said.message !== "string") throw notOurs(status);
    if (said.code === "unauthenticated") this.onUnauthenticated();
    throw new ApiError(status, said.code, said.message, said.details);
  }
}

/** How a request is to be made that is not like the others. */
interface More {
  signal?: AbortSignal | undefined;
  /** Milliseconds within which it is answered. */
  patience?: number;
}

interface Said {
  code: string;
  message: string;
  details?: Details;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notOurs(status: number): ApiError {
  return new ApiError(status, `http_${status}`, `Something else than the gateway answers, with ${status}`);
}

export function queryOf(parameters: Record<string, string | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.set(name, value);
  return query.size > 0 ? `?${query}` : "";
}
