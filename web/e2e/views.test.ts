// The other views: what they say of a gateway that has something to tell.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { digest, Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";

let browser: Browser;
let gateway: Gateway;
beforeAll(async () => {
  browser = await launch();
  gateway = await Gateway.start();
  await gateway.push({ repository: "team/app", tag: "latest", image: 1 });
  await gateway.push({ repository: "team/app", tag: "latest", image: 2, actor: "alice" });
  await gateway.push({ repository: "team/app", tag: "v1", image: 2 });
  await gateway.push({ repository: "team/other", tag: "v1", image: 3 });
});
afterAll(async () => {
  await browser.close();
  await gateway.stop();
});

async function shows(query: string, look: (page: Page) => Promise<void>): Promise<void> {
  const tab = await open(browser, gateway.url + query);
  await look(tab.page);
  expect(tab.complaints).toEqual([]);
  await tab.close();
}

describe("the other views", () => {
  it("repositories, and one of them with its tags and history", () =>
    shows("/?view=repositories", async (page) => {
      const row = page.getByRole("row", { name: "team/app" });
      await expect
        .poll(() => row.locator("td").allTextContents())
        .toEqual(["2", "2", expect.stringMatching(/now|s ago/)]);
      await row.getByRole("link").click();
      await page.getByRole("heading", { name: "team/app" }).waitFor();
      const latest = page.getByRole("row", { name: "latest" });
      expect(await latest.locator("code").textContent()).toBe(digest(2).slice(0, 19));
      await expect
        .poll(() => page.locator(".history .kind").allTextContents())
        .toEqual(["tag set", "tag moved", "new image", "tag set", "new image"]);
      await page.getByRole("link", { name: "Follow it live" }).click();
      await expect.poll(() => page.locator("tr.line").count()).toBe(5);
    }));

  it("sources, with counts and the snippet that connects one", () =>
    shows("/?view=sources", async (page) => {
      const row = page.getByRole("row", { name: "distribution" });
      expect(await row.locator("td").first().textContent()).toBe("well");
      await page.getByRole("button", { name: "Connect harbor" }).click();
      await page.locator("pre").getByText(`${gateway.url}/v1/sources/harbor/events`).waitFor();
      await page.getByRole("button", { name: "Send a test push" }).click();
      await page.getByText("Sent: 2 events").waitFor();
    }));

  it("activity, in charts with their last values in words", () =>
    shows("/?view=activity", async (page) => {
      await page.locator("canvas").first().waitFor();
      expect(await page.getByRole("heading", { level: 2 }).allTextContents()).toEqual([
        "Events a second",
        "Delivery",
        "Wait in a window",
        "Commit",
        "Connections",
        "Batches a second",
      ]);
      await page.locator("figure", { hasText: "Connections" }).getByText("websocket 1").waitFor();
    }));

  it("system: who is connected, which this page itself is, and can be cut off and comes back", () =>
    shows("/?view=system&filter=tag+%3D%3D+%22v1%22", async (page) => {
      const own = page.getByRole("row").filter({ hasText: 'tag == "v1"' });
      await own.getByText("live").waitFor();
      await page.getByText("Events in the log").waitFor();
      const sockets: unknown[] = [];
      page.on("websocket", (socket) => sockets.push(socket));
      await own.getByRole("button", { name: "Close" }).click();
      await expect.poll(() => sockets.length).toBe(1);
      await page.getByTestId("state").getByText("live").waitFor();
    }));
});

describe("a gateway with readers", () => {
  it("asks for a token, and shows events with the right one", async () => {
    const token = "0123456789abcdef0123456789abcdef";
    const guarded = await Gateway.start(
      `[[readers]]\nname = "page"\ntoken = "${token}"\n[[sources]]\nname = "distribution"\nkind = "distribution"\n`,
    );
    const tab = await open(browser, guarded.url, { mayFail: true });
    const { page } = tab;
    const field = page.getByLabel("Token", { exact: true });
    await field.fill("not the token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("does not know the token").waitFor();
    await field.fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByTestId("state").getByText("live").waitFor();
    await guarded.push({ repository: "team/app", tag: "v1", image: 1 });
    await expect.poll(() => page.locator("tr.line").count()).toBe(2);
    await page.getByRole("link", { name: "System" }).click();
    await page.getByText("needs the token of an operator").waitFor();
    await tab.close();
    await guarded.stop();
  });
});
