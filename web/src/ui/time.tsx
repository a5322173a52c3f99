import { absolute, relative, whole } from "../lib/time.js";
import { place } from "../state/place.js";
import { now } from "../state/session.js";

/** A moment, as the reader wants it; all of it on hovering. */
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="quiet">never</span>;
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) return <>{at}</>;
  const shown = place.value.time === "relative" ? relative : absolute;
  return (
    <time dateTime={at} title={whole(moment)}>
      {shown(moment, now.value)}
    </time>
  );
}
