const FIRST = 1_000;
const LONGEST = 30_000;

/**
 * Milliseconds before the next try: full jitter under a bound that doubles from 1 s to 30 s, so that
 * clients that were cut off together don't come back together.
 *
 * @param failures tries that failed in a row, from 1
 * @param random from 0 to 1
 */
export function pause(failures: number, random: number): number {
  return random * Math.min(LONGEST, FIRST * 2 ** Math.min(failures - 1, 10));
}
