// Nothing is lost: not while paused, not while the gateway is away.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";

let browser: Browser;
beforeAll(async () => (browser = await launch()));
afterAll(() => browser.close());

const shown = (page: Page) => page.getByTestId("shown").textContent();

function pushes(repository: string, count: number) {
  return Array.from({ length: count }, (_, i) => ({ repository, tag: `t${i}`, image: i + 1 }));
}

describe("nothing is lost", () => {
  it("while the view is paused", async () => {
    const gateway = await Gateway.start();
    const tab = await open(browser, gateway.url);
    const { page } = tab;
    await gateway.push(...pushes("team/before", 5));
    await expect.poll(() => shown(page)).toBe("10 lines");
    await page.getByRole("button", { name: "Pause" }).click();
    await gateway.push(...pushes("team/meanwhile", 300));
    await page.getByRole("button", { name: "Resume (600 waiting)" }).waitFor();
    expect(await shown(page)).toBe("10 lines");
    await page.getByRole("button", { name: "Resume" }).click();
    await expect.poll(() => shown(page)).toBe("610 lines");
    expect(tab.complaints).toEqual([]);
    await tab.close();
    await gateway.stop();
  });

  it("while the gateway is away", async () => {
    const gateway = await Gateway.start();
    const tab = await open(browser, gateway.url, { mayFail: true });
    const { page } = tab;
    await gateway.push(...pushes("team/before", 50));
    await expect.poll(() => shown(page)).toBe("100 lines");
    await gateway.kill();
    await page.locator(".state-waiting, .state-connecting").waitFor();
    await gateway.startAgain();
    await gateway.push(...pushes("team/meanwhile", 50));
    await expect.poll(() => shown(page), { timeout: 20_000 }).toBe("200 lines");
    await page.getByTestId("state").getByText("live").waitFor();
    const tags = await page.evaluate(
      () =>
        new Set([...document.querySelectorAll("tr.line")].map((line) => line.getAttribute("data-id"))).size,
    );
    expect(tags).toBe(await page.locator("tr.line").count());
    expect(tab.complaints).toEqual([]);
    await tab.close();
    await gateway.stop();
  });

  it("and what the gateway itself has lost is told", async () => {
    const gateway = await Gateway.start();
    const tab = await open(browser, gateway.url, { mayFail: true });
    const { page } = tab;
    await gateway.push(...pushes("team/before", 3));
    await expect.poll(() => shown(page)).toBe("6 lines");
    await gateway.kill();
    gateway.loseData();
    await gateway.startAgain();
    await page.locator("tr.gap").getByText("the gateway’s log began anew").waitFor({ timeout: 20_000 });
    await gateway.push(...pushes("team/after", 1));
    await page.locator("tr.line").getByText("team/after").first().waitFor();
    await tab.close();
    await gateway.stop();
  });
});
