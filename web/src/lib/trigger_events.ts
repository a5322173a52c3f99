// Which events a trigger wants: the ways of the form, and the filter that each becomes.
import { filterOf } from "./api.js";
import type { Filter } from "./triggers.js";

export type Way = "pair" | "pattern" | "list" | "all" | "expression";

export interface Events {
  way: Way;
  /** Of `pair`, and if it is not empty of `pattern` and `list`. */
  repository: string;
  tag: string;
  pattern: string;
  /** Divided by commas or blanks. */
  tags: string;
  /** Whether a tag that is taken away is left out. */
  pushes: boolean;
  expression: string;
}

const PUSH = "CreateImageTag";

export const EVERY_PUSH: Events = {
  way: "all",
  repository: "",
  tag: "",
  pattern: "",
  tags: "",
  pushes: true,
  expression: "",
};

/** The filter; `undefined` while what it needs is not written. */
export function filterOfEvents(events: Events): Exclude<Filter, null> | undefined {
  const { way, expression } = events;
  if (way === "expression") return filterOf(expression);
  if (way === "all") return { type: PUSH };
  const tag = tagOf(events);
  const repository = events.repository.trim();
  if (tag === undefined || (way === "pair" && repository === "")) return undefined;
  return { ...(repository && { repository }), tag, ...(events.pushes && { type: PUSH }) };
}

function tagOf({ way, tag, pattern, tags }: Events): unknown {
  const listed = tags.split(/[\s,]+/).filter((one) => one !== "");
  if (way === "list") return listed.length > 0 ? listed : undefined;
  if (way === "pattern") return pattern === "" ? undefined : { matches: pattern };
  return tag.trim() || undefined;
}

/** The way that makes such a filter; what none makes is an expression. */
export function eventsOf(filter: Filter | undefined): Events {
  if (typeof filter === "string") return { ...EVERY_PUSH, way: "expression", expression: filter };
  if (typeof filter !== "object" || filter === null) {
    return { ...EVERY_PUSH, way: "expression", expression: filter === false ? "false" : "" };
  }
  const { type, repository = "", tag, ...others } = filter;
  const pushes = type === PUSH;
  const known = Object.keys(others).length === 0 && (pushes || type === undefined);
  const part = known && typeof repository === "string" ? partOf(tag, repository, pushes) : undefined;
  return part
    ? { ...EVERY_PUSH, repository: repository as string, pushes, ...part }
    : { ...EVERY_PUSH, way: "expression", expression: JSON.stringify(filter) };
}

function partOf(tag: unknown, repository: string, pushes: boolean): Partial<Events> | undefined {
  if (tag === undefined) return pushes && repository === "" ? { way: "all" } : undefined;
  if (typeof tag === "string") return repository && tag ? { way: "pair", tag } : undefined;
  if (Array.isArray(tag)) {
    const names = tag.every((one) => typeof one === "string" && /^[^\s,]+$/.test(one));
    return names && tag.length > 0 ? { way: "list", tags: tag.join(", ") } : undefined;
  }
  const { matches, ...others } = Object(tag) as { matches?: unknown };
  const pattern = typeof matches === "string" && matches !== "" && Object.keys(others).length === 0;
  return pattern ? { way: "pattern", pattern: matches } : undefined;
}

/** In words, for a list. */
export function wordsOfEvents(filter: Filter | undefined): string {
  const { way, repository, tag, pattern, tags, pushes, expression } = eventsOf(filter);
  const where = repository ? `${repository}:` : "";
  const how = pushes ? "" : ", also when it goes";
  switch (way) {
    case "pair":
      return `${where}${tag}${how}`;
    case "pattern":
      return `${where}/${pattern}/${how}`;
    case "list":
      return `${where}${tags}${how}`;
    case "all":
      return "every push";
    case "expression":
      return expression || "every event";
  }
}
