// Chromium's own EventSource, for which every status but 200 is final.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";

let browser: Browser;
beforeAll(async () => (browser = await launch()));
afterAll(() => browser.close());

interface Listening {
  sources: EventSource[];
  ids: string[][];
  codes: string[];
}

/** Opens so many in a page. */
function listen(page: Page, count: number): Promise<void> {
  return page.evaluate((count) => {
    const listening: Listening = { sources: [], ids: [], codes: [] };
    Object.assign(window, { listening });
    for (let n = 0; n < count; n++) {
      const source = new EventSource("/v1/events?filter=true&batch_cutoff=0");
      const ids: string[] = [];
      listening.sources.push(source);
      listening.ids.push(ids);
      source.onmessage = ({ data }: MessageEvent<string>) => {
        const { messages } = JSON.parse(data) as { messages: { event_metadata: { event_id: string } }[] };
        ids.push(...messages.map((message) => message.event_metadata.event_id));
      };
      source.addEventListener("close", ({ data }: MessageEvent<string>) => {
        listening.codes.push((JSON.parse(data) as { close: { reason: string } }).close.reason);
      });
    }
  }, count);
}

const read = <T>(page: Page, what: (listening: Listening) => T): Promise<T> =>
  page.evaluate(`(${what.toString()})(window.listening)`);

describe("a browser's EventSource", () => {
  it("comes back over a restart and misses nothing", async () => {
    const gateway = await Gateway.start();
    const tab = await open(browser, `${gateway.url}/healthz`, { mayFail: true });
    await listen(tab.page, 5);
    const states = () => read(tab.page, ({ sources }) => sources.map((source) => source.readyState));
    await expect.poll(states).toEqual([1, 1, 1, 1, 1]);
    const before = await gateway.push({ repository: "team/app", tag: "before", image: 1 });
    await gateway.terminate();
    await gateway.startAgain();
    const after = await gateway.push({ repository: "team/app", tag: "after", image: 2 });
    const ids = () => read(tab.page, ({ ids }) => ids);
    await expect.poll(ids, { timeout: 20_000 }).toEqual(Array(5).fill([...before, ...after]));
    expect(new Set(await read(tab.page, ({ codes }) => codes))).toEqual(new Set(["shutting_down"]));
    await tab.close();
    await gateway.stop();
  });

  it("waits for a place where there is none", async () => {
    const gateway = await Gateway.start("[connections]\ntotal = 2\n");
    const tab = await open(browser, `${gateway.url}/healthz`, { mayFail: true });
    await listen(tab.page, 3);
    await expect.poll(() => read(tab.page, ({ codes }) => codes[0])).toBe("overloaded");
    await tab.page.evaluate(() => {
      const { sources } = (window as unknown as { listening: Listening }).listening;
      sources.find((source) => source.readyState === 1)?.close();
    });
    const connected = () =>
      read(tab.page, ({ sources }) => sources.filter((source) => source.readyState === 1).length);
    await expect.poll(connected, { timeout: 20_000 }).toBe(2);
    expect(
      await read(tab.page, ({ sources }) => sources.filter((source) => source.readyState === 2).length),
    ).toBe(1);
    await tab.close();
    await gateway.stop();
  });
});
