import { between, quantile } from "../lib/histogram.js";
import { perSecond, seconds } from "../lib/format.js";
import { CUTOFFS } from "../lib/url.js";
import { batches, meters } from "../state/feed.js";
import { go, place } from "../state/place.js";
import { polls } from "../state/server.js";
import { now } from "../state/session.js";
import { Menu } from "./menu.js";

const SIZES = [1, 10, 100, 500, 1000, 5000];
const OVER = 10;

/** The bounds of this page's batches, and what they do. */
export function WindowMenu() {
  const { size, cutoff } = place.value;
  return (
    <Menu
      label={
        <>
          Window{" "}
          <span class="quiet">
            {size} · {cutoff === "0" ? "at once" : cutoff}
          </span>
        </>
      }
    >
      {() => (
        <div class="window-menu">
          <label>
            Events in a batch, at most
            <select
              value={String(size)}
              onChange={(change) => go({ size: Number(change.currentTarget.value) }, true)}
            >
              {[...new Set([...SIZES, size])]
                .sort((a, b) => a - b)
                .map((value) => (
                  <option key={value} value={String(value)}>
                    {value}
                  </option>
                ))}
            </select>
          </label>
          <label>
            Waits for more, at most
            <select value={cutoff} onChange={(change) => go({ cutoff: change.currentTarget.value }, true)}>
              {CUTOFFS.map((value) => (
                <option key={value} value={value}>
                  {value === "0" ? "not at all" : value}
                </option>
              ))}
            </select>
          </label>
          <Effect />
        </div>
      )}
    </Menu>
  );
}

function Effect() {
  const events = meters.get("all")?.rate(now.value, OVER) ?? 0;
  const rate = batches.rate(now.value, OVER);
  const [before, last] = [polls.value.at(-6)?.server.latency, polls.value.at(-1)?.server.latency];
  const wait = last && between(before?.window, last.window);
  return (
    <>
      <h3>What that does, over the last {OVER} seconds</h3>
      <dl>
        <dt>batches a second</dt>
        <dd>{perSecond(rate)}</dd>
        <dt>events in a batch</dt>
        <dd>{rate > 0 ? (events / rate).toFixed(1) : "–"}</dd>
        {wait && (
          <>
            <dt>wait in a window</dt>
            <dd>
              {seconds(quantile(wait, 0.5))} median, {seconds(quantile(wait, 0.99))} at p99
              <span class="quiet"> (all readers)</span>
            </dd>
          </>
        )}
      </dl>
    </>
  );
}
