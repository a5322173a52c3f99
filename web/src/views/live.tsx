import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { count, perSecond } from "../lib/format.js";
import {
  begin,
  drawn,
  held,
  loaded,
  lost,
  meters,
  older,
  pause,
  paused,
  resume,
  trouble,
} from "../state/feed.js";
import { go, place } from "../state/place.js";
import { now, tokenWanted } from "../state/session.js";
import { Empty } from "../ui/empty.js";
import { EventDetails } from "../ui/event_details.js";
import { EventTable } from "../ui/event_table.js";
import { FacetPanel } from "../ui/facet_panel.js";
import { FilterBar } from "../ui/filter_bar.js";
import { Name } from "../ui/name.js";
import { Sparkline } from "../ui/sparkline.js";
import { WindowMenu } from "../ui/window_menu.js";

const facetsOpen = signal(matchMedia("(min-width: 75rem)").matches);

/** What happens, the newest first. */
export function Live() {
  const { list } = drawn.value;
  const { event: open, filter } = place.value;
  const opened = open ? list.find(open) : undefined;
  useKeys();
  return (
    <div class={`live${facetsOpen.value ? " with-facets" : ""}${opened ? " with-details" : ""}`}>
      <FilterBar />
      <Toolbar lines={list.rows.length} />
      <Trouble />
      {facetsOpen.value && <FacetPanel />}
      <section class="events" aria-label="Events">
        {list.rows.length > 0 ? (
          <EventTable />
        ) : (
          loaded.value && !trouble.value && <Empty filtered={filter !== ""} />
        )}
        {!loaded.value && !trouble.value && <p class="quiet pad">Asking the gateway …</p>}
      </section>
      {opened?.kind === "event" && <EventDetails key={open} row={opened} />}
    </div>
  );
}

function Toolbar({ lines }: { lines: number }) {
  const rate = meters.get("all")?.rate(now.value, 5) ?? 0;
  return (
    <div class="toolbar">
      <button
        type="button"
        class="plain small"
        aria-pressed={facetsOpen.value}
        onClick={() => (facetsOpen.value = !facetsOpen.value)}
      >
        Counts
      </button>
      {paused.value ? (
        <button type="button" class="primary small" onClick={resume}>
          Resume{held.value > 0 ? ` (${count(held.value)} waiting)` : ""}
        </button>
      ) : (
        <button type="button" class="plain small" onClick={pause} title="Space">
          Pause
        </button>
      )}
      <WindowMenu />
      <div class="toolbar-end">
        <span class="quiet" data-testid="shown">
          {count(lines)} {lines === 1 ? "line" : "lines"}
          {older.value === "more" ? ", more in the log" : ""}
        </span>
        <span class="rate" title="Events a second over the last five seconds; the bars are the last minute">
          <Sparkline meter={meters.get("all")} seconds={60} />
          <span>{perSecond(rate)}/s</span>
        </span>
      </div>
    </div>
  );
}

/** While there is no connection: why, and that nothing is lost by it. */
function Lost() {
  const { value } = lost;
  if (!value) return null;
  return (
    <div class="notice" role="status" data-testid="lost">
      <p>
        <strong>Not connected:</strong> <Name>{value}</Name>. What happens meanwhile will come.
      </p>
    </div>
  );
}

function Trouble() {
  const { value } = trouble;
  if (!value) return <Lost />;
  if (value.code === "unauthenticated") {
    return (
      <div class="notice" role="alert">
        <p>
          <strong>A token is needed to see events.</strong> <Name>{value.message}</Name>
        </p>
        <button type="button" class="primary small" onClick={() => (tokenWanted.value = "needed")}>
          Enter a token
        </button>
      </div>
    );
  }
  return (
    <div class={`notice${value.code === "no_past" ? "" : " notice-bad"}`} role="alert">
      <p>
        <Name>{value.message}</Name>
        {value.code !== "no_past" && <span class="quiet"> ({value.code})</span>}
      </p>
      {value.code !== "no_past" && (
        <button type="button" class="small" onClick={() => void begin()}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Space pauses, `/` goes to the filter, Escape closes the details. */
function useKeys(): void {
  useEffect(() => {
    const pressed = (key: KeyboardEvent) => {
      const on = key.composedPath()[0];
      const writing =
        on instanceof HTMLElement && (on.isContentEditable || on.matches("input, textarea, select"));
      if (key.key === "Escape" && place.value.event && !document.querySelector("dialog[open]"))
        go({ event: "" });
      if (writing || key.ctrlKey || key.metaKey || key.altKey) return;
      if (key.key === " " && !(on instanceof HTMLElement && on.matches("button, a, summary"))) {
        key.preventDefault();
        if (paused.value) resume();
        else pause();
      } else if (key.key === "/") {
        key.preventDefault();
        focusFilter();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function focusFilter(): void {
  const editor = document
    .querySelector(".editor > div")
    ?.shadowRoot?.querySelector<HTMLElement>(".cm-content");
  (editor ?? document.querySelector<HTMLElement>(".editor input"))?.focus();
}
