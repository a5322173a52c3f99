import type { Meter } from "../lib/meter.js";
import { now } from "../state/session.js";

const WIDTH = 120;
const HEIGHT = 22;

/** A bar for each of the last seconds. */
export function Sparkline({ meter, seconds }: { meter: Meter | undefined; seconds: number }) {
  const counts = meter?.last(now.value, seconds) ?? [];
  const most = Math.max(1, ...counts);
  const step = WIDTH / seconds;
  const bars = counts.map((count, i) => {
    const height = count === 0 ? 1 : Math.max(2, (count / most) * HEIGHT);
    return `M${(i * step + step / 2).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}`;
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={bars.join("")} />
    </svg>
  );
}
