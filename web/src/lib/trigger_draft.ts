// A trigger as its form holds it: texts, which become a definition.
import { EVERY_PUSH, eventsOf, filterOfEvents, type Events } from "./trigger_events.js";
import type { Definition, Http, Scalar } from "./triggers.js";

/** What the gateway shows for a secret; sent back it keeps the one that is known. */
export const HIDDEN = "***";

export interface Draft {
  name: string;
  cloud: string;
  events: Events;
  size: string;
  cutoff: string;
  bytes: string;
  kind: "http" | "feed";
  feed: string;
  url: string;
  format: string;
  headers: Header[];
  auth: "none" | "bearer" | "basic";
  authSecret: string;
  signing: "none" | "known" | "new" | "own";
  signingSecret: string;
  timeout: string;
  attempts: string;
  interval: string;
  ttl: string;
  deadLetter: boolean;
  account: string;
  enabled: boolean;
}

export interface Header {
  name: string;
  value: string;
}

export const FORMATS: [name: string, about: string][] = [
  ["tagcast", 'the envelope that clients get, {"messages": […]}'],
  ["cloudevents", "a list of CloudEvents"],
  ["cloudevents-binary", "one CloudEvent a request, its attributes in headers"],
  ["alibaba", "one pushed tag a request, as Alibaba Cloud ACR sends it"],
  ["azure", "CloudEvents as Azure Container Registry sends them"],
];

const ONE_A_REQUEST = ["cloudevents-binary", "alibaba"];

/** Events in a batch where none are written. */
export const usualSize = (format: string) => ([...ONE_A_REQUEST, "azure"].includes(format) ? "1" : "10");

/** Whether a batch of it can have one event alone. */
export const sendsOne = ({ kind, format }: Draft) => kind === "http" && ONE_A_REQUEST.includes(format);

const NEW: Draft = {
  name: "",
  cloud: "",
  events: { ...EVERY_PUSH, way: "pair" },
  size: "",
  cutoff: "",
  bytes: "",
  kind: "http",
  feed: "",
  url: "",
  format: "tagcast",
  headers: [],
  auth: "none",
  authSecret: "",
  signing: "none",
  signingSecret: "",
  timeout: "",
  attempts: "",
  interval: "",
  ttl: "",
  deadLetter: true,
  account: "",
  enabled: true,
};

const text = (value: Scalar | undefined) => (value === undefined ? "" : String(value));

/** A new one of this cloud, or what is known of one. */
export function draftOf(known?: Definition, cloud = ""): Draft {
  if (!known) return { ...NEW, cloud };
  const { batch, retry, target } = known;
  return {
    ...NEW,
    name: known.name,
    cloud: known.cloud_id ?? cloud,
    events: eventsOf(known.filter),
    size: text(batch.size),
    cutoff: text(batch.cutoff),
    bytes: text(batch.bytes),
    ...("http" in target ? ofHttp(target.http) : { kind: "feed" as const, feed: target.feed }),
    attempts: text(retry.attempts),
    interval: text(retry.interval),
    ttl: text(retry.ttl),
    deadLetter: known.dead_letter,
    account: known.service_account ?? "",
    enabled: known.enabled,
  };
}

function ofHttp({ url, format, headers = {}, auth, signing_secret, timeout }: Http): Partial<Draft> {
  return {
    url,
    format,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    auth: !auth ? "none" : "bearer" in auth ? "bearer" : "basic",
    authSecret: auth ? HIDDEN : "",
    signing: signing_secret === undefined ? "none" : "known",
    timeout: text(timeout),
  };
}

/** What the gateway is sent. */
export function definitionOf(draft: Draft): Definition {
  const { size, cutoff, bytes, attempts, interval, ttl } = draft;
  return {
    name: draft.name,
    ...(draft.cloud.trim() && { cloud_id: draft.cloud.trim() }),
    filter: filterOfEvents(draft.events) ?? null,
    batch: written({ size: sendsOne(draft) ? "" : size, cutoff, bytes }),
    target: draft.kind === "feed" ? { feed: draft.feed } : { http: httpOf(draft) },
    retry: written({ attempts, interval, ttl }),
    dead_letter: draft.deadLetter,
    ...(draft.account && { service_account: draft.account }),
    enabled: draft.enabled,
  };
}

function httpOf(draft: Draft): Http {
  const { url, format, auth, authSecret, signing, signingSecret, timeout } = draft;
  const headers = draft.headers.filter(({ name, value }) => name !== "" || value !== "");
  const secret = { none: undefined, known: HIDDEN, new: "new", own: signingSecret }[signing];
  return {
    url: url.trim(),
    format,
    headers: Object.fromEntries(headers.map(({ name, value }) => [name.trim(), value])),
    ...(auth === "bearer" && { auth: { bearer: authSecret } }),
    ...(auth === "basic" && { auth: { basic: authSecret } }),
    ...(secret !== undefined && { signing_secret: secret }),
    ...written({ timeout }),
  };
}

/** What was written, numbers as such. */
function written<Name extends string>(fields: Record<Name, string>): Partial<Record<Name, Scalar>> {
  const all = Object.entries<string>(fields).map(([name, value]) => [name, value.trim()] as const);
  const filled = all.filter(([, value]) => value !== "");
  const values = filled.map(([name, value]) => [name, /^\d+(\.\d+)?$/.test(value) ? Number(value) : value]);
  return Object.fromEntries(values) as Partial<Record<Name, Scalar>>;
}

/** The field of the form at which a fault of the definition is shown: the nearest one around it. */
export function fieldOf(pointer: string, fields: readonly string[]): string | undefined {
  const around = fields.filter((field) => pointer === field || pointer.startsWith(`${field}/`));
  return around.sort((a, b) => b.length - a.length)[0];
}
