import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { count } from "../lib/format.js";
import { idOf } from "../lib/rows.js";
import { drawn, loadOlder, older } from "../state/feed.js";
import { go, place } from "../state/place.js";
import { EventLine } from "./event_line.js";

/** Pixels; styles/live.css has the same. A phone's lines are taller: two lines of text. */
const WIDE = 36;
const NARROW = 62;
/** Lines drawn beyond what can be seen, so that scrolling shows no hole. */
const BEYOND = 8;

/** All lines, of which only those in sight are in the document. */
export function EventTable() {
  const { list } = drawn.value;
  const total = list.added;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [narrow, setNarrow] = useState(false);
  const [active, setActive] = useState("");
  const added = useRef(total);
  const row = narrow ? NARROW : WIDE;

  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      setHeight(element.clientHeight);
      setNarrow(element.clientWidth < 680);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Who reads further down keeps the same lines before the eyes while new ones come above.
  useLayoutEffect(() => {
    const element = scroller.current;
    const grown = total - added.current;
    added.current = total;
    if (element && grown > 0 && element.scrollTop > row / 2) element.scrollTop += grown * row;
  }, [total, row]);

  const { rows } = list;
  const first = Math.max(0, Math.floor(top / row) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + height) / row) + BEYOND);
  const open = place.value.event;
  const shown = [];
  for (let i = first; i < last; i++) {
    const line = rows[rows.length - 1 - i];
    if (line) shown.push({ line, i, id: idOf(line) });
  }
  const focusable = shown.some(({ id }) => id === active)
    ? active
    : shown[Math.min(shown.length - 1, first === 0 ? 0 : BEYOND)]?.id;

  const move = (key: KeyboardEvent) => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15 }[key.key];
    if (step === undefined || key.ctrlKey || key.metaKey || key.altKey) return;
    key.preventDefault();
    const at = rows.length - 1 - rows.findLastIndex((line) => idOf(line) === focusable);
    const to = Math.max(0, Math.min(rows.length - 1, at + step));
    const target = rows[rows.length - 1 - to];
    if (!target) return;
    setActive(idOf(target));
    if (open) go({ event: target.kind === "event" ? idOf(target) : "" }, true);
    showLine(scroller.current, to, row);
    const focus = () => {
      const there = scroller.current?.querySelector<HTMLElement>(`[data-id="${idOf(target)}"] button`);
      there?.focus();
      return there;
    };
    // One that is out of sight is there after the next drawing.
    if (!focus()) requestAnimationFrame(focus);
  };

  return (
    <>
      <div
        class={`scroller${narrow ? " narrow" : ""}`}
        ref={scroller}
        onScroll={(scroll) => setTop(scroll.currentTarget.scrollTop)}
        onKeyDown={move}
      >
        <table aria-rowcount={rows.length + 1} class="event-table">
          <caption class="unseen">
            Events, the newest first. Arrow keys move, Enter opens the details.
          </caption>
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col" class="c-time">
                Time
              </th>
              <th scope="col" class="c-kind">
                Event
              </th>
              <th scope="col" class="c-name">
                Image
              </th>
              <th scope="col" class="c-digest">
                Digest
              </th>
              <th scope="col" class="c-actor">
                Who
              </th>
              <th scope="col" class="c-source">
                Source
              </th>
            </tr>
          </thead>
          <tbody>
            <Space lines={first} row={row} />
            {shown.map(({ line, i, id }) => (
              <EventLine
                key={id}
                row={line}
                index={i + 2}
                open={id === open}
                focusable={id === focusable}
                onFocus={() => setActive(id)}
              />
            ))}
            <Space lines={rows.length - last} row={row} />
          </tbody>
        </table>
        <Older />
      </div>
      {top > row * 2 && (
        <button
          type="button"
          class="newest primary small"
          onClick={() => scroller.current?.scrollTo({ top: 0 })}
        >
          ↑ Newest
        </button>
      )}
    </>
  );
}

/** Stands for lines that are out of sight. */
function Space({ lines, row }: { lines: number; row: number }) {
  return lines > 0 ? (
    <tr class="space" aria-hidden="true">
      <td colSpan={6} style={{ height: `${lines * row}px` }} />
    </tr>
  ) : null;
}

function Older() {
  if (older.value === "none") return <p class="older quiet">The beginning of the log.</p>;
  return (
    <p class="older">
      <button
        type="button"
        class="plain small"
        disabled={older.value === "loading"}
        onClick={() => void loadOlder()}
      >
        {older.value === "loading" ? "Loading …" : `Load up to ${count(1000)} older events`}
      </button>
    </p>
  );
}

function showLine(scroller: HTMLDivElement | null, index: number, row: number): void {
  if (!scroller) return;
  const head = scroller.querySelector("thead")?.clientHeight ?? 0;
  const [from, to] = [index * row, (index + 1) * row];
  if (from < scroller.scrollTop) scroller.scrollTop = from;
  else if (to + head > scroller.scrollTop + scroller.clientHeight)
    scroller.scrollTop = to + head - scroller.clientHeight;
}
