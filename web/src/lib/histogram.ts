import type { Histogram } from "./api.js";

/** What was observed between two polls. A gateway that was started anew in between counts from nothing. */
export function between(before: Histogram | undefined, now: Histogram): Histogram {
  if (!before || before.count > now.count || before.buckets.length !== now.buckets.length) return now;
  return {
    count: now.count - before.count,
    sum: now.sum - before.sum,
    buckets: now.buckets.map(([bound, count], i) => [bound, count - (before.buckets[i]?.[1] ?? 0)]),
  };
}

/** The value under which `share` of the observations lie, evenly spread within a bucket; null without any. */
export function quantile({ count, buckets }: Histogram, share: number): number | null {
  if (count <= 0) return null;
  const wanted = share * count;
  let [lower, below] = [0, 0];
  for (const [bound, upTo] of buckets) {
    if (upTo >= wanted) {
      const width = upTo - below;
      return width > 0 ? lower + ((bound - lower) * (wanted - below)) / width : bound;
    }
    [lower, below] = [bound, upTo];
  }
  return lower;
}
