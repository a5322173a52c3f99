import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { FIELDS, METHODS } from "../lib/filter_text.js";

const fields = new Set(["event", "details", "event_metadata", ...FIELDS.map(([name]) => name)]);
const functions = new Set(["has", ...METHODS.map(([name]) => name)]);

/** As much of the language as colours need; what is right is the gateway's to say. */
const stream = StreamLanguage.define({
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^\/\/.*/)) return "comment";
    if (stream.match(/^[rR]?("""([^]*?)("""|$)|'''([^]*?)('''|$))/)) return "string";
    if (stream.match(/^[rR]"[^"]*"?/) || stream.match(/^[rR]'[^']*'?/)) return "string";
    if (stream.match(/^"(\\.|[^"\\])*"?/) || stream.match(/^'(\\.|[^'\\])*'?/)) return "string";
    if (stream.match(/^(0x[\da-f]+|\d+)/i)) return "number";
    if (stream.match(/^(&&|\|\||[=!<>]=|[<>!])/)) return "operator";
    const word = stream.match(/^[A-Za-z_]\w*/);
    if (word && word !== true) {
      const name = word[0];
      if (name === "in") return "operator";
      if (name === "true" || name === "false") return "atom";
      if (functions.has(name) && stream.peek() === "(") return "keyword";
      return fields.has(name) ? "propertyName" : null;
    }
    stream.next();
    return null;
  },
});

const colours = HighlightStyle.define([
  { tag: tags.string, color: "var(--code-string)" },
  { tag: tags.number, color: "var(--code-number)" },
  { tag: tags.atom, color: "var(--code-number)" },
  { tag: tags.keyword, color: "var(--code-function)" },
  { tag: tags.operator, color: "var(--code-operator)" },
  { tag: tags.propertyName, color: "var(--code-field)" },
  { tag: tags.comment, color: "var(--soft)" },
]);

export const language = [stream, syntaxHighlighting(colours)];

/** The page's own look; its variables reach into the shadow root. */
export const look = EditorView.theme({
  "&": { fontSize: "0.875rem", backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5", maxHeight: "8rem", overflow: "auto" },
  ".cm-content": { padding: "0.45rem 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 0.7rem" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-odd": {
    border: "1px solid",
    borderRadius: "0.25em",
    color: "var(--bad)",
    fontSize: "0.8em",
    padding: "0 0.25em",
  },
  ".cm-placeholder": { color: "var(--soft)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--bad)",
    textUnderlineOffset: "3px",
    textDecorationSkipInk: "none",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    border: "1px solid var(--line)",
    borderRadius: "8px",
    boxShadow: "var(--shadow)",
    overflow: "hidden",
  },
  ".cm-tooltip-lint": { padding: "0.2rem 0.5rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    fontFamily: "var(--mono)",
    fontSize: "0.8125rem",
    maxHeight: "16rem",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.25rem 0.7rem", color: "var(--text)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent-soft)",
    color: "var(--text)",
  },
  ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal", marginLeft: "1em" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft) !important" },
});
