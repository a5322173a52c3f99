// For everyone: axe-core's rules in both themes, small and large windows, and what a first visit weighs.
import axe from "axe-core";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";
import { fill, fillTriggers } from "./support/content.js";
import { LOCAL_TARGETS, Receiver } from "./support/receiver.js";

/** Bytes on the wire for all that is loaded until the page stands. */
const FIRST_LOAD = 150_000;
const WIDTHS = [320, 768, 1440];

let browser: Browser;
let gateway: Gateway;
let event: string;
let receivers: [Receiver, Receiver];
beforeAll(async () => {
  browser = await launch();
  gateway = await Gateway.start(LOCAL_TARGETS);
  event = await fill(gateway);
  receivers = [await Receiver.start(), await Receiver.start()];
  await fillTriggers(gateway, ...receivers);
});
afterAll(async () => {
  await browser.close();
  await gateway.stop();
  for (const receiver of receivers) receiver.stop();
});

const views = (): [name: string, query: string, ready: string][] => [
  ["live", "/", "tr.line"],
  ["an event", `/?event=${event}`, ".known li"],
  ["a wrong filter", "/?filter=tga", ".verdict-wrong"],
  ["repositories", "/?view=repositories", "tbody tr"],
  [
    "a repository",
    "/?view=repositories&registry=hub.example.com&repository=team%2Fapp&cloud=default",
    ".history li",
  ],
  ["sources", "/?view=sources", "tbody tr"],
  ["triggers", "/?view=triggers", "tbody tr"],
  ["a trigger", "/?view=triggers&trigger=redeploy", "table.log tr"],
  ["dead letters", "/?view=triggers&trigger=inventory", "table.letters tr"],
  ["a new trigger", "/?view=triggers&form=new", "form"],
  ["a trigger's form", "/?view=triggers&trigger=stopped&form=edit", ".cm-content"],
  ["activity", "/?view=activity", "canvas"],
  ["system", "/?view=system", ".facts"],
];

async function violations(page: Page): Promise<string[]> {
  // By evaluation: the page's policy allows no script but its own.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  );
  return violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ target, failureSummary }) => `${String(target)} ${failureSummary}`).join("; ")}`,
  );
}

describe.each(["light", "dark"] as const)("with %s colours", (colorScheme) => {
  it("no rule of axe-core is broken", { timeout: 60_000 }, async () => {
    const found: Record<string, string[]> = {};
    for (const [name, query, ready] of views()) {
      const mayFail = name === "a wrong filter";
      const tab = await open(browser, gateway.url + query, {
        colorScheme,
        viewport: { width: 1440, height: 900 },
        mayFail,
      });
      await tab.page.locator(ready).first().waitFor();
      found[name] = await violations(tab.page);
      await tab.close();
    }
    expect(found).toEqual(Object.fromEntries(views().map(([name]) => [name, []])));
  });
});

describe("in any window", () => {
  it.each(WIDTHS)(
    "%i pixels wide, nothing has to be scrolled sideways",
    { timeout: 60_000 },
    async (width) => {
      for (const [name, query, ready] of views()) {
        const tab = await open(browser, gateway.url + query, {
          viewport: { width, height: 720 },
          mayFail: true,
        });
        await tab.page.locator(ready).first().waitFor();
        const beyond = await tab.page.evaluate(() =>
          [document.documentElement, document.querySelector("main"), document.querySelector(".scroller")].map(
            (element) => (element ? element.scrollWidth - element.clientWidth : 0),
          ),
        );
        expect(beyond, name).toEqual([0, 0, 0]);
        await tab.close();
      }
    },
  );
});

it("a first visit loads little, and nothing from elsewhere", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const loaded: { url: string; size: Promise<number> }[] = [];
  page.on("requestfinished", (request) => {
    const size = request
      .sizes()
      .then(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize);
    loaded.push({ url: request.url(), size });
  });
  await page.goto(gateway.url);
  await page.locator(".cm-content").waitFor();
  await page.getByTestId("state").getByText("live").waitFor();
  const files = loaded.filter(({ url }) => !new URL(url).pathname.startsWith("/v1/"));
  const total = (await Promise.all(files.map(({ size }) => size))).reduce((sum, size) => sum + size, 0);
  console.log(`first visit: ${total} bytes in ${files.length} files`);
  expect(total).toBeLessThan(FIRST_LOAD);
  expect(loaded.filter(({ url }) => !url.startsWith(gateway.url))).toEqual([]);
  await context.close();
});
