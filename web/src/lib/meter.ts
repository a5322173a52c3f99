/** Counts by second over the last minutes. */
export class Meter {
  readonly #counts: Float64Array;
  #second = 0;

  constructor(private readonly length: number) {
    this.#counts = new Float64Array(length);
  }

  add(now: number, count: number): void {
    this.#advance(now);
    const at = this.#second % this.length;
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
  }

  /** The whole seconds before this one, the oldest first. */
  last(now: number, count: number): number[] {
    this.#advance(now);
    return Array.from(
      { length: count },
      (_, i) => this.#counts[(this.#second - count + i) % this.length] ?? 0,
    );
  }

  /** The mean over the last whole seconds. */
  rate(now: number, over: number): number {
    return this.last(now, over).reduce((sum, count) => sum + count, 0) / over;
  }

  #advance(now: number): void {
    const second = Math.floor(now / 1000);
    const steps = Math.min(second - this.#second, this.length);
    for (let i = 0; i < steps; i++) this.#counts[(second - i) % this.length] = 0;
    this.#second = Math.max(second, this.#second);
  }
}
