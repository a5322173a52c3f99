import { useEffect, useRef, useState } from "preact/hooks";

import type { FilterFault } from "../lib/api.js";
import { list } from "../state/feed.js";
import type { Editor } from "./codemirror.js";

const LABEL = "Filter expression";
const PLACEHOLDER = 'repository == "team/app" && tag.startsWith("v")';

interface Props {
  value: string;
  onInput: (text: string) => void;
  onApply: () => void;
  fault: FilterFault | undefined;
}

/** A plain field that becomes CodeMirror as soon as that is loaded. */
export function FilterEditor({ value, onInput, onApply, fault }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>(null);
  const latest = useRef({ onInput, onApply });
  latest.current = { onInput, onApply };
  const [ready, setReady] = useState(false);

  useEffect(() => {
    let gone = false;
    void import("./codemirror.js").then(({ createEditor }) => {
      if (gone || !host.current) return;
      editor.current = createEditor(host.current, {
        label: LABEL,
        placeholder: PLACEHOLDER,
        onInput: (text) => latest.current.onInput(text),
        onApply: () => latest.current.onApply(),
        values: (field, part) => list.facets.top(field, 20, part).map(([found]) => found),
      });
      setReady(true);
    });
    return () => {
      gone = true;
      editor.current?.destroy();
    };
  }, []);
  useEffect(() => editor.current?.show(value), [value, ready]);
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
          value={value}
          onInput={(input) => onInput(input.currentTarget.value)}
          onKeyDown={(key) => key.key === "Enter" && onApply()}
        />
      )}
    </div>
  );
}
