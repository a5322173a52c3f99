/** Does one thing after another; what is done at once is done at once. */
export class Queue {
  #waiting: { weight: number; run: () => void | Promise<void> }[] = [];
  #busy = false;
  /** Weight of what waits, and of what is being done. */
  weight = 0;

  /** @param onDone told after each thing that had to wait, or was waited for */
  constructor(
    private readonly onDone: () => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  push(weight: number, run: () => void | Promise<void>): void {
    this.weight += weight;
    this.#waiting.push({ weight, run });
    if (!this.#busy) void this.#drain();
  }

  clear(): void {
    this.#waiting = [];
    this.weight = 0;
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        const done = next.run();
        if (done) await done;
      } catch (error) {
        this.onError(error);
      }
      this.weight = Math.max(0, this.weight - next.weight);
      this.onDone();
    }
    this.#busy = false;
  }
}
