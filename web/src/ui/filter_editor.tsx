import { effect, type Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import type { FilterFault } from "../lib/api.js";
import { drawn } from "../state/feed.js";
import type { Editor } from "./codemirror.js";

const LABEL = "Filter expression";
const PLACEHOLDER = 'repository == "team/app" && tag.startsWith("v")';

interface Props {
  /** What is written, here or elsewhere. */
  text: Signal<string>;
  onApply: () => void;
  fault: FilterFault | undefined;
}

/** A plain field that becomes CodeMirror as soon as that is loaded. */
export function FilterEditor({ text, onApply, fault }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>(null);
  const latest = useRef(onApply);
  latest.current = onApply;
  const [ready, setReady] = useState(false);

  useEffect(() => {
    let end: (() => void) | undefined;
    let gone = false;
    void import("./codemirror.js").then(({ createEditor }) => {
      if (gone || !host.current) return;
      const made = createEditor(host.current, {
        label: LABEL,
        placeholder: PLACEHOLDER,
        onInput: (written) => (text.value = written),
        onApply: () => latest.current(),
        values: (field, part) => drawn.value.list.facets.top(field, 20, part).map(([found]) => found),
      });
      editor.current = made;
      // At once: an effect of the component would come late, with a text that one has typed over.
      const unfollow = effect(() => made.show(text.value));
      end = () => {
        unfollow();
        made.destroy();
      };
      setReady(true);
    });
    return () => {
      gone = true;
      end?.();
    };
  }, [text]);
  useEffect(() => editor.current?.mark(fault), [fault, ready]);

  return (
    <div class="editor">
      <div ref={host} hidden={!ready} />
      {!ready && (
        <input
          aria-label={LABEL}
          placeholder={PLACEHOLDER}
          spellcheck={false}
          autocapitalize="off"
          value={text.value}
          onInput={(input) => (text.value = input.currentTarget.value)}
          onKeyDown={(key) => key.key === "Enter" && onApply()}
        />
      )}
    </div>
  );
}
