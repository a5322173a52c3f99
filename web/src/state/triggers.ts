import { signal } from "@preact/signals";

import { queryOf } from "../lib/api.js";
import type {
  Answer,
  DeadLetters,
  Definition,
  LogPage,
  Outcome,
  Trigger,
  Triggers,
} from "../lib/triggers.js";
import { place } from "./place.js";
import { api } from "./session.js";

/** The most that a page may have. */
const PAGE = "1000";

/** A signing secret that the gateway made, which it tells once. */
export const madeSecret = signal<{ trigger: string; secret: string } | undefined>(undefined);

/** The address of what is a trigger's; `cloud` says whose it is, where several clouds have one of that name. */
const at = (name: string, rest: string[] = [], query: Query = {}, cloud = place.value.cloud) =>
  `/v1/triggers/${[name, ...rest].map(encodeURIComponent).join("/")}${queryOf({ cloud_id: cloud, ...query })}`;

type Query = Record<string, string | undefined>;

/** Those behind the name `after`. */
export const list = (after?: string) => api.get<Triggers>(`/v1/triggers${queryOf({ after, limit: PAGE })}`);

export const one = (name: string) => api.get<Trigger>(at(name));

/** Without a cloud of its own it is the token's, or `default`. */
export const put = (definition: Definition) =>
  api.call<Trigger>("PUT", at(definition.name, [], {}, ""), definition);

export const remove = (name: string) => api.call("DELETE", at(name));

export const setPaused = (name: string, paused: boolean) =>
  api.call("POST", at(name, [paused ? "pause" : "resume"]));

/** Whether the cloud has one of this name, or without a cloud any: `put` would change it. */
export async function isTaken({ name, cloud_id }: Definition): Promise<boolean> {
  let after: string | undefined = name.slice(0, -1);
  while (after !== undefined) {
    const page: Triggers = await list(after);
    const isIt = (trigger: Trigger) =>
      trigger.name === name && (cloud_id === undefined || trigger.cloud_id === cloud_id);
    if (page.triggers.some(isIt)) return true;
    const last: string | undefined = page.next?.split("/")[0];
    after = last !== undefined && last <= name ? page.next : undefined;
  }
  return false;
}

export interface LogQuery {
  outcome?: Outcome | "";
  search?: string;
  before?: string;
  limit?: string;
}

/** The newest first. */
export const log = (name: string, asked: LogQuery, cloud?: string) =>
  api.get<LogPage>(at(name, ["log"], { ...asked }, cloud));

/** The newest delivery that failed and will be tried again. */
export async function lastError(name: string, cloud?: string): Promise<Answer | undefined> {
  const page = await log(name, { outcome: "triggered", search: '"outcome":"retrying"', limit: "1" }, cloud);
  return page.rows[0]?.delivery;
}

/** The oldest first. */
export const deadLetters = (name: string) =>
  api.get<DeadLetters>(at(name, ["dead-letters"], { limit: PAGE }));

export const body = (name: string, id: string) => api.text(at(name, ["dead-letters", id]));

/** The answer is the target's, so it may take as long as that. */
export const sendAgain = (name: string, id: string) =>
  api.call<Answer & { delivered: boolean }>("POST", at(name, ["dead-letters", id, "send"]), undefined, {
    patience: 45_000,
  });

/** One, or all of them. */
export const purge = (name: string, ...id: string[]) => api.call("DELETE", at(name, ["dead-letters", ...id]));
