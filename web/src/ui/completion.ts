import type {
  Completion,
  CompletionContext,
  CompletionResult,
  CompletionSource,
} from "@codemirror/autocomplete";
import { EVENT_TYPES } from "tagcast-client";

import { FACETS, type Facet } from "../lib/facets.js";
import { FIELDS, METHODS } from "../lib/filter_text.js";
import { marked } from "../lib/marks.js";

/** In a string behind a field: `tag == "v`, `tag.startsWith("v`, `tag in ["a", "v`. */
const IN_STRING = /\b(\w+)\s*(?:==|!=|\.\w+\(|in\s*\[(?:\s*"[^"]*"\s*,)*)\s*"([^"]*)$/;
const AFTER_DOT = /\b(\w+)\.(\w*)$/;
const WORD = /[A-Za-z_]\w*$/;
const SIMPLE_VALUE = /^[^"\\]*$/;

/** Fields, methods, and the values that were seen in the field one compares. */
export function complete(values: (field: Facet, part: string) => string[]): CompletionSource {
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    return inString(context, before, values) ?? afterDot(context, before) ?? word(context, before);
  };
}

function inString(
  context: CompletionContext,
  before: string,
  values: (field: Facet, part: string) => string[],
): CompletionResult | null {
  const found = IN_STRING.exec(before);
  if (!found) return null;
  const [, field = "", part = ""] = found;
  const facet = FACETS.find((facet) => facet === field);
  const seen = facet ? values(facet, "") : [];
  const all = field === "type" ? [...new Set([...seen, ...EVENT_TYPES])] : seen;
  const options = all
    .filter((value) => SIMPLE_VALUE.test(value))
    .map((label): Completion => ({ label, displayLabel: marked(label) }));
  return { from: context.pos - part.length, options, validFor: /^[^"]*$/ };
}

function afterDot(context: CompletionContext, before: string): CompletionResult | null {
  const found = AFTER_DOT.exec(before);
  if (!found) return null;
  const [, owner = "", part = ""] = found;
  const options =
    owner === "event" || owner === "details"
      ? fieldOptions()
      : METHODS.map(([label, detail]): Completion => ({
          label,
          detail,
          apply: label === "size" ? "size()" : `${label}("`,
        }));
  return { from: context.pos - part.length, options, validFor: /^\w*$/ };
}

function word(context: CompletionContext, before: string): CompletionResult | null {
  const found = WORD.exec(before);
  // Inside an unfinished string no field belongs.
  const quotes = before.match(/(?<!\\)"/g)?.length ?? 0;
  if ((!found && !context.explicit) || quotes % 2 === 1) return null;
  const options = [...fieldOptions(), { label: "has", detail: "has(event.tag)", apply: "has(event." }];
  return { from: context.pos - (found?.[0].length ?? 0), options, validFor: /^\w*$/ };
}

function fieldOptions(): Completion[] {
  return FIELDS.map(([label, detail]) => ({ label, detail }));
}
