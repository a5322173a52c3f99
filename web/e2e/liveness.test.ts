// A connection that is dead though nobody closed it: the page says so, and comes back.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";
import { Relay } from "./support/relay.js";

let browser: Browser;
beforeAll(async () => (browser = await launch()));
afterAll(() => browser.close());

describe("a network that goes silent", () => {
  it("is told within 20 s, and nothing is lost by it", async () => {
    const gateway = await Gateway.start();
    const relay = await Relay.start(gateway.url);
    const tab = await open(browser, relay.url, { mayFail: true });
    const { page } = tab;
    // The page's time can be wound on from here.
    await page.clock.install();
    await page.reload();
    await gateway.push({ repository: "team/app", tag: "before", image: 1 });
    await page.locator("tr.line").getByText("before").first().waitFor();
    const state = page.getByTestId("state");
    await expect.poll(() => state.textContent()).toBe("live");

    relay.silence();
    await gateway.push({ repository: "team/app", tag: "meanwhile", image: 2 });
    await page.clock.runFor(20_000);
    await page.locator(".state-waiting, .state-connecting").waitFor();
    expect(await page.getByTestId("lost").textContent()).toContain("Not connected: nothing came for 18 s");

    // A new connection is as dead: it is given up, and so is the request that asks why.
    await page.clock.runFor(25_000);
    await expect.poll(() => page.getByTestId("lost").textContent()).toContain("the gateway does not answer");

    relay.heal();
    await page.clock.runFor(5_000);
    await page
      .getByRole("button", { name: "Try now" })
      .click({ timeout: 2_000 })
      .catch(() => undefined);
    await expect.poll(() => state.textContent(), { timeout: 20_000 }).toBe("live");
    await page.locator("tr.line").getByText("meanwhile").first().waitFor();
    expect(await page.getByTestId("lost").count()).toBe(0);
    expect(tab.complaints).toEqual([]);
    await tab.close();
    await relay.stop();
    await gateway.stop();
  });
});
