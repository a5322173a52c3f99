// A storm of events, and a page that goes on answering.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";

const EVENTS = Number(process.env.TAGCAST_E2E_EVENTS ?? 10_000);
const PER_SECOND = 2_000;
/** Notifications in a body; each makes two events. */
const BODY = 50;
/** Milliseconds that the page may be busy without a pause. */
const LONGEST = 200;

let browser: Browser;
beforeAll(async () => (browser = await launch()));
afterAll(() => browser.close());

it(`${EVENTS} events at ${PER_SECOND} a second leave the page responsive`, { timeout: 120_000 }, async () => {
  const gateway = await Gateway.start();
  const tab = await open(browser, gateway.url);
  const { page } = tab;
  await page.getByTestId("state").getByText("live").waitFor();
  await page.evaluate(() => {
    const tasks: number[] = [];
    new PerformanceObserver((list) =>
      tasks.push(...list.getEntries().map(({ duration }) => duration)),
    ).observe({
      type: "longtask",
    });
    Object.assign(window, { tasks });
    // One that is too long, so that it is sure that they are seen.
    setTimeout(() => {
      const end = performance.now() + 120;
      while (performance.now() < end);
    });
  });
  const longest = () =>
    page.evaluate(() => Math.max(0, ...(window as unknown as { tasks: number[] }).tasks.splice(0)));
  await expect.poll(longest).toBeGreaterThan(100);
  const begun = Date.now();
  for (let sent = 0; sent < EVENTS; sent += 2 * BODY) {
    const due = begun + (sent / PER_SECOND) * 1000;
    await new Promise((now) => setTimeout(now, Math.max(0, due - Date.now())));
    await gateway.push(
      ...Array.from({ length: BODY }, (_, i) => ({
        repository: `team/app${(sent + i) % 300}`,
        tag: `t${sent + i}`,
        image: sent + i + 1,
      })),
    );
  }
  const took = (Date.now() - begun) / 1000;
  await expect
    .poll(() => page.getByTestId("shown").textContent(), { timeout: 30_000 })
    .toBe(`${EVENTS.toLocaleString("en")} lines`);
  const busy = await longest();
  console.log(
    `${EVENTS} events in ${took.toFixed(1)} s (${(EVENTS / took).toFixed(0)} a second): ` +
      (busy > 0 ? `the longest task took ${busy.toFixed(0)} ms` : "no task took 50 ms"),
  );
  expect(busy).toBeLessThan(LONGEST);
  // It was fast enough for the measurement to mean something.
  expect(EVENTS / took).toBeGreaterThan(PER_SECOND / 2);
  expect(tab.complaints).toEqual([]);
  await tab.close();
  await gateway.stop();
});
