// The editor of filters; loaded behind the first drawing of the page.
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, highlightSpecialChars, keymap, placeholder } from "@codemirror/view";

import type { FilterFault } from "../lib/api.js";
import type { Facet } from "../lib/facets.js";
import { utf16Range } from "../lib/filter_text.js";
import { codePoint, EACH_ODD } from "../lib/marks.js";
import { complete } from "./completion.js";
import { language, look } from "./filter_language.js";

export interface Editor {
  /** Puts this text there, unless it stands there already. */
  show(text: string): void;
  /** Underlines what is wrong. */
  mark(fault: FilterFault | undefined): void;
  destroy(): void;
}

interface Options {
  label: string;
  placeholder: string;
  onInput: (text: string) => void;
  onApply: () => void;
  /** Values of a field that were seen and contain `part`. */
  values: (field: Facet, part: string) => string[];
}

function markOf(code: number): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "cm-odd";
  mark.textContent = codePoint(String.fromCodePoint(code));
  return mark;
}

export function createEditor(parent: HTMLElement, options: Options): Editor {
  // In a shadow root the editor's styles are adopted style sheets, which a strict policy allows; in the
  // document they would be a <style> element, which it refuses.
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: "open" });
  const apply = {
    key: "Enter",
    run: (view: EditorView) => {
      if (completionStatus(view.state) === "active" && acceptCompletion(view)) return true;
      options.onApply();
      return true;
    },
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      extensions: [
        Prec.highest(keymap.of([apply, { key: "Tab", run: acceptCompletion }])),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        history(),
        closeBrackets(),
        bracketMatching(),
        autocompletion({ override: [complete(options.values)], icons: false, interactionDelay: 30 }),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          "aria-label": options.label,
          spellcheck: "false",
          autocapitalize: "off",
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onInput(update.state.doc.toString());
        }),
        placeholder(options.placeholder),
        highlightSpecialChars({ specialChars: EACH_ODD, render: markOf }),
        language,
        look,
      ],
    }),
  });
  return {
    show(text) {
      const doc = view.state.doc.toString();
      if (doc !== text) {
        view.dispatch({
          changes: { from: 0, to: doc.length, insert: text },
          selection: { anchor: text.length },
        });
      }
    },
    mark(fault) {
      const text = view.state.doc.toString();
      const range =
        fault?.offset === undefined ? undefined : utf16Range(text, fault.offset, fault.length ?? 1);
      const diagnostics =
        range && range.to <= text.length
          ? [
              {
                ...range,
                severity: "error" as const,
                message: fault?.hint ? `did you mean ${fault.hint}?` : "here",
              },
            ]
          : [];
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    destroy() {
      view.destroy();
    },
  };
}
