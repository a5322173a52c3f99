// What a person does with the live view.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { digest, Gateway } from "../testing/gateway.js";
import { launch, open, type Tab } from "./support/browser.js";
import { Registry } from "./support/registry.js";

let browser: Browser;
let gateway: Gateway;
let tab: Tab;
let page: Page;

beforeAll(async () => (browser = await launch()));
afterAll(() => browser.close());
beforeEach(async () => (gateway = await Gateway.start()));
afterEach(async () => {
  await tab.close();
  await gateway.stop();
  expect(tab.complaints).toEqual([]);
});

async function show(mayFail = false): Promise<void> {
  tab = await open(browser, gateway.url, { mayFail });
  page = tab.page;
  await page.getByTestId("state").getByText("live").waitFor();
}

const lines = () => page.locator("tr.line");
const write = async (filter: string) => {
  await page.getByLabel("Filter expression").click();
  await page.keyboard.type(filter);
};

describe("the live view", () => {
  it("tells an empty gateway's reader what to do, and shows a test push", async () => {
    await show();
    await page.getByText("No event yet").waitFor();
    expect(await page.locator(".snippet pre").textContent()).toContain(
      `${gateway.url}/v1/sources/distribution/events`,
    );
    await page.getByRole("button", { name: "Send a test push" }).click();
    await lines().getByText("tagcast/hello").first().waitFor();
    expect(await lines().count()).toBe(2);
  });

  it("shows what a real registry does: an image, its tag, and the tag's move as one line", async () => {
    await show();
    const registry = await Registry.start(gateway.url);
    try {
      const first = await registry.push("team/app", "latest", "one");
      await lines().filter({ hasText: "tag set" }).waitFor();
      const second = await registry.push("team/app", "latest", "two");
      const moved = lines().filter({ hasText: "tag moved" });
      await moved.waitFor();
      const digests = await moved.locator("code").allTextContents();
      expect(digests).toEqual([first, second].map((digest) => digest.slice(7, 19)));
      expect(await lines().locator(".kind").allTextContents()).toEqual([
        "tag moved",
        "new image",
        "tag set",
        "new image",
      ]);
    } finally {
      registry.stop();
    }
  });

  it("says how much a filter would match before it is applied, and keeps it in the URL", async () => {
    await gateway.push(...[1, 2, 3].map((image) => ({ repository: `team/app${image}`, tag: "v1", image })));
    await show();
    await write('repository == "team/app2');
    await page.getByTestId("verdict").getByText("2 of the last 6 events match").waitFor();
    expect(await lines().count()).toBe(6);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    await expect.poll(() => lines().count()).toBe(2);
    expect(new URL(page.url()).searchParams.get("filter")).toBe('repository == "team/app2"');
    await page.reload();
    await expect.poll(() => lines().count()).toBe(2);
    expect(await page.locator(".cm-content").textContent()).toBe('repository == "team/app2"');
    await gateway.push(
      { repository: "team/app1", tag: "v2", image: 7 },
      { repository: "team/app2", tag: "v2", image: 8 },
    );
    await expect.poll(() => lines().count()).toBe(4);
    await page.goBack();
    await expect.poll(() => lines().count()).toBe(10);
  });

  it("underlines what is wrong, where it is, and offers what would be right", async () => {
    await gateway.push({ repository: "team/app", tag: "v1", image: 1 });
    await show(true);
    await write('tga == "v1"');
    await page.locator(".cm-lintRange-error").waitFor();
    expect(await page.locator(".cm-lintRange-error").textContent()).toBe("tga");
    await page.locator(".verdict-wrong").getByText("tga").waitFor();
    expect(await page.getByRole("button", { name: "Apply" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator(".cm-content").click();
    await page.keyboard.type("repository == ");
    await page.keyboard.type('"te');
    const offered = page.locator(".cm-tooltip-autocomplete li", { hasText: "team/app" });
    await offered.waitFor();
    await offered.click();
    await page.getByTestId("verdict").getByText("2 of the last 2").waitFor();
  });

  it("narrows by a click on a count, opens an event, and copies what pulls it", async () => {
    await gateway.push(
      { repository: "team/app", tag: "v1", image: 1, actor: "alice" },
      { repository: "team/other", tag: "v1", image: 2 },
    );
    await show();
    await page.getByTitle("Only actor alice").click();
    await expect.poll(() => lines().count()).toBe(2);
    await page.locator("tr.line .name").first().click();
    // The image keeps its room beside the details.
    await page.setViewportSize({ width: 1440, height: 900 });
    await expect
      .poll(async () => (await page.locator("tr.line .c-name").first().boundingBox())?.width)
      .toBeGreaterThan(200);
    const details = page.getByLabel("Details of the event");
    await details.getByText("The repository now").waitFor();
    await details.getByText("v1 still shows this image").waitFor();
    await details.getByRole("button", { name: "Copy docker pull" }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      `docker pull 'hub.example.com/team/app@${digest(1)}'`,
    );
    expect(await details.locator("pre").last().textContent()).toContain('"event_type"');
    await page.reload();
    await details.waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => details.count()).toBe(0);
  });

  it("can be used with the keyboard alone", async () => {
    await gateway.push(...[1, 2, 3].map((image) => ({ repository: `team/app${image}`, tag: "v1", image })));
    await show();
    await page.keyboard.press("/");
    await page.keyboard.type('tag == "v1"');
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    await expect.poll(() => lines().count()).toBe(6);
    await page.locator("tr.line .name").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await page.locator("tr.line.open").getAttribute("aria-rowindex")).toBe("4");
    await page.keyboard.press("Escape");
    await page.locator(".toolbar-end").click();
    await page.keyboard.press("Space");
    await page.getByTestId("state").getByText("paused").waitFor();
  });

  it("scrolls through what was, and keeps the reader's lines in sight while new ones come", async () => {
    const pushes = Array.from({ length: 500 }, (_, i) => ({
      repository: "team/many",
      tag: `t${i}`,
      image: i + 1,
    }));
    await gateway.push(...pushes);
    await show();
    await lines().first().waitFor();
    await page.locator(".scroller").evaluate((scroller) => (scroller.scrollTop = 10_000));
    await expect
      .poll(async () => Number(await lines().first().getAttribute("aria-rowindex")))
      .toBeGreaterThan(200);
    const seen = await page.locator("tr.line").nth(12).boundingBox();
    const id = (await page.locator("tr.line").nth(12).getAttribute("data-id")) ?? "";
    await gateway.push(...pushes.slice(0, 40).map((push, i) => ({ ...push, tag: `new${i}` })));
    await page.getByTestId("shown").getByText("1,040 lines").waitFor();
    const still = await page.locator(`tr[data-id="${id}"]`).boundingBox();
    expect(Math.abs((still?.y ?? 0) - (seen?.y ?? 0))).toBeLessThan(2);
    await page.getByRole("button", { name: "Newest" }).click();
    await lines().getByText("new39").waitFor();
    expect(await lines().count()).toBeLessThan(80);
  });
});
