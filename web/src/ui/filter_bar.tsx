import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import type { ApiError, Checked } from "../lib/api.js";
import { EXAMPLES } from "../lib/filter_text.js";
import { count } from "../lib/format.js";
import { remember, remembered } from "../state/history.js";
import { go, place } from "../state/place.js";
import { api, token } from "../state/session.js";
import { FilterEditor } from "./filter_editor.js";
import { Menu } from "./menu.js";

const SAMPLE = 1000;
const CHECK_AFTER = 200;

/** What is written, before it is applied. */
const draft = signal(place.value.filter);

/** The filter: written here, checked while it is written, applied with Enter. */
export function FilterBar() {
  const applied = place.value.filter;
  const text = draft.value;
  const said = useCheck(text);
  useEffect(() => void (draft.value = applied), [applied]);
  const apply = (filter = draft.value) => {
    const trimmed = filter.trim();
    draft.value = trimmed;
    if (trimmed) remember(trimmed);
    go({ filter: trimmed, event: "" });
  };
  const changed = text.trim() !== applied.trim();
  return (
    <section class="filter" aria-label="Filter">
      <div class={`filter-row${said.error ? " filter-wrong" : ""}`}>
        <FilterEditor text={draft} onApply={apply} fault={said.error?.details} />
        {(text || applied) && (
          <button type="button" class="plain" onClick={() => apply("")}>
            Clear
          </button>
        )}
        <button
          type="button"
          class="primary"
          disabled={!changed || said.error !== undefined}
          onClick={() => apply()}
        >
          Apply
        </button>
      </div>
      <div class="filter-below">
        <Verdict text={text} changed={changed} {...said} />
        <Menu label="Examples">{(close) => <Choices apply={apply} close={close} filters={EXAMPLES} />}</Menu>
        <Menu label="History">
          {(close) =>
            remembered.value.length > 0 ? (
              <Choices apply={apply} close={close} filters={remembered.value.map((filter) => [filter, ""])} />
            ) : (
              <p class="quiet">Filters that you applied will be here.</p>
            )
          }
        </Menu>
      </div>
    </section>
  );
}

interface Said {
  checked?: Checked;
  error?: ApiError;
}

/** Asks the gateway about what is written, a moment after the last key. */
function useCheck(text: string): Said {
  const [said, setSaid] = useState<Said & { text?: string }>({});
  const asked = useRef<AbortController>(null);
  const shown = token.value;
  useEffect(() => {
    if (text.trim() === "") {
      setSaid({});
      return undefined;
    }
    const timer = setTimeout(() => {
      const controller = (asked.current = new AbortController());
      api.check(text, SAMPLE, controller.signal).then(
        (checked) => setSaid({ text, checked }),
        (error: unknown) => {
          if (!controller.signal.aborted) setSaid({ text, error: error as ApiError });
        },
      );
    }, CHECK_AFTER);
    return () => {
      clearTimeout(timer);
      asked.current?.abort();
    };
  }, [text, shown]);
  return said.text === text || said.error?.status === 0 ? said : {};
}

function Verdict({ text, changed, checked, error }: Said & { text: string; changed: boolean }) {
  if (text.trim() === "")
    return <p class="verdict quiet">No filter: every event. Try an example, or click a count.</p>;
  if (error?.status === 404)
    return <p class="verdict quiet">This gateway does not check filters before they are applied.</p>;
  if (error) {
    return (
      <p class="verdict verdict-wrong" role="alert">
        {error.message}
        {error.details.pointer ? ` (at ${error.details.pointer})` : ""}
      </p>
    );
  }
  if (!checked) return <p class="verdict quiet">…</p>;
  return (
    <p class="verdict" data-testid="verdict">
      {checked.sampled === 0 ? (
        "There is no event to try it on yet."
      ) : (
        <>
          <strong>{count(checked.matched)}</strong> of the last {count(checked.sampled)} events match.
        </>
      )}{" "}
      {changed && <span class="quiet">Enter applies it.</span>}
    </p>
  );
}

function Choices({
  filters,
  apply,
  close,
}: {
  filters: [filter: string, about: string][];
  apply: (filter: string) => void;
  close: () => void;
}) {
  return (
    <ul class="choices">
      {filters.map(([filter, about]) => (
        <li key={filter}>
          <button
            type="button"
            onClick={() => {
              close();
              apply(filter);
            }}
          >
            <code>{filter}</code>
            {about && <span class="quiet">{about}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}
