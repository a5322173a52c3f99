/** Fields of filters, with what completion says of each. */
export const FIELDS: [name: string, about: string][] = [
  ["type", "what happened"],
  ["repository", "the whole name, team/app"],
  ["tag", "empty where the event has none"],
  ["registry", "where clients reach it"],
  ["digest", "sha256:…"],
  ["actor", "who did it"],
  ["source", "the source's name here"],
  ["size", "bytes, a number"],
  ["media_type", "of the manifest"],
  ["image_id", "of registry and digest"],
  ["event_type", "type with the server's prefix"],
  ["cloud_id", "tenant of the source"],
  ["folder_id", "tenant of the source"],
];

export const METHODS: [name: string, about: string][] = [
  ["startsWith", 'tag.startsWith("v")'],
  ["endsWith", 'tag.endsWith(".sig")'],
  ["contains", 'tag.contains("rc")'],
  ["matches", 'tag.matches(r"^v\\d+$")'],
  ["size", "length in characters"],
];

export const EXAMPLES: [filter: string, about: string][] = [
  ['type == "CreateImageTag" && tag == "latest"', "what a deployer wants: a new latest"],
  ['repository.startsWith("team/")', "a team's repositories"],
  ['tag.matches(r"^v\\d+\\.\\d+\\.\\d+$")', "releases of three numbers"],
  ['tag in ["main", "edge", "nightly"]', "some tags"],
  ['type in ["DeleteImage", "DeleteImageTag"]', "what went"],
  ['!tag.endsWith(".sig") && !tag.endsWith(".att")', "without signatures"],
  ['actor != "ci-bot" && has(event.actor)', "what people did"],
  ['{"repository": {"glob": "team/*"}, "tag": {"not": ["dev"]}}', "the shorthand in JSON"],
];

/** A string literal. */
export function quote(value: string): string {
  return JSON.stringify(value);
}

/** `filter` with `field == value` as well. A filter that says so already stays as it is. */
export function withCondition(filter: string, field: string, value: string): string {
  const condition = `${field} == ${quote(value)}`;
  const text = filter.trim();
  if (text === "" || text === "true") return condition;
  if (text.startsWith("{")) return JSON.stringify({ all: [JSON.parse(text) as unknown, { [field]: value }] });
  if (text === condition || text.startsWith(`${condition} && `) || text.endsWith(` && ${condition}`))
    return text;
  return `${text.includes("||") ? `(${text})` : text} && ${condition}`;
}

/** Where the code points `offset` to `offset + length` stand in a JavaScript string. */
export function utf16Range(text: string, offset: number, length: number): { from: number; to: number } {
  const points = Array.from(text);
  const from = points.slice(0, offset).join("").length;
  const to = from + points.slice(offset, offset + Math.max(length, 1)).join("").length;
  // An error at the end has nothing under it but the last character.
  return from === to && from > 0 ? { from: from - 1, to } : { from, to };
}
