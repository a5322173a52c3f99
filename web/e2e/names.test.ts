// Names of events that are made to be taken for others: the page marks them, and makes no command of them.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { digest, Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";

const TAG = "v1\u202egpj.exe";
const MARKED = "v1[U+202E]gpj.exe";

let browser: Browser;
let gateway: Gateway;
let event: string;
beforeAll(async () => {
  browser = await launch();
  gateway = await Gateway.start();
  const spoofed = { repository: "team/a\u200bpp", tag: TAG, image: 1, actor: "bot\u2066" };
  const events = await gateway.push(spoofed);
  event = events.at(-1) ?? "";
  await gateway.push({ repository: "team/app", tag: "v1", image: 2 });
});
afterAll(async () => {
  await browser.close();
  await gateway.stop();
});

/** Every text and title on the page that still has such a character. */
const RAW = () => {
  const odd = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
  const found: string[] = [];
  for (const element of document.querySelectorAll("body *")) {
    for (const { name, value } of element.attributes) {
      if (odd.test(value)) found.push(`${element.tagName} ${name}: ${value}`);
    }
    for (const node of element.childNodes) {
      if (node.nodeType === Node.TEXT_NODE && odd.test(node.nodeValue ?? ""))
        found.push(`${element.tagName}: ${node.nodeValue ?? ""}`);
    }
  }
  return found;
};

it.each([
  ["live", "/", "tr.line .odd"],
  ["an event", () => `/?event=${event}`, ".details .odd"],
  ["repositories", "/?view=repositories", "tbody .odd"],
  [
    "a repository",
    "/?view=repositories&registry=hub.example.com&repository=team%2Fa%E2%80%8Bpp&cloud=default",
    ".history .odd",
  ],
] as [string, string | (() => string), string][])("%s shows each by its number", async (_, query, odd) => {
  const tab = await open(browser, gateway.url + (typeof query === "string" ? query : query()));
  await tab.page.locator(odd).first().waitFor();
  await expect.poll(() => tab.page.evaluate(RAW)).toEqual([]);
  expect(await tab.page.locator("button[title='Copy docker pull']").count()).toBe(0);
  expect(tab.complaints).toEqual([]);
  await tab.close();
});

it("a title has it too, and a name stands apart from its neighbours", async () => {
  const tab = await open(browser, gateway.url);
  const name = tab.page.locator(`[data-id="${event}"] .name`);
  expect(await name.getAttribute("title")).toBe(`hub.example.com/team/a[U+200B]pp:${MARKED}`);
  expect(await name.locator("bdi").count()).toBe(3);
  await tab.close();
});

it("what fits the grammar is copied as one word", async () => {
  const tab = await open(
    browser,
    `${gateway.url}/?view=repositories&registry=hub.example.com&repository=team%2Fapp&cloud=default`,
  );
  await tab.page.locator("button[title='Copy docker pull']").first().click();
  await tab.page.getByText("copied").first().waitFor();
  const copied = await tab.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(`docker pull 'hub.example.com/team/app@${digest(2)}'`);
  await tab.close();
});
