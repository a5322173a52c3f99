import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { EXAMPLES } from "../lib/filter_text.js";
import { remember, remembered } from "../state/history.js";
import { go, place } from "../state/place.js";
import { useCheck, Verdict } from "./filter_check.js";
import { FilterEditor } from "./filter_editor.js";
import { Menu } from "./menu.js";
import { Name } from "./name.js";

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
        <Verdict text={text} empty="No filter: every event. Try an example, or click a count." {...said}>
          {changed && <span class="quiet">Enter applies it.</span>}
        </Verdict>
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
            <code>
              <Name>{filter}</Name>
            </code>
            {about && <span class="quiet">{about}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}
