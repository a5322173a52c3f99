import { perSecond } from "../lib/format.js";
import { connection, lost, meters, paused, retryAt, retryNow } from "../state/feed.js";
import { now } from "../state/session.js";

/** How the connection is: a colour, and the word for it. */
export function ConnectionState() {
  const { name } = connection.value;
  const rate = meters.get("all")?.rate(now.value, 5) ?? 0;
  const wait = Math.max(0, Math.ceil((retryAt.value - now.value) / 1000));
  const words = {
    connecting: "connecting",
    live: paused.value ? "paused" : "live",
    waiting: wait > 0 ? `again in ${wait} s` : "connecting",
    paused: "paused",
    closed: "not connected",
  }[name];
  const look = name === "live" && paused.value ? "paused" : name;
  return (
    <div class={`state state-${look}`} title={lost.value || undefined}>
      <span class="state-dot" aria-hidden="true" />
      <span class="state-word" data-testid="state">
        {words}
      </span>
      {name === "live" && !paused.value && <span class="state-rate">{perSecond(rate)}/s</span>}
      {(name === "waiting" || name === "closed") && (
        <button type="button" class="small" onClick={retryNow}>
          Try now
        </button>
      )}
    </div>
  );
}
