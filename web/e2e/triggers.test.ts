// Triggers: made in the form, called for real, followed in the log.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open, type Tab } from "./support/browser.js";
import { putTrigger } from "./support/content.js";
import { LOCAL_TARGETS, Receiver } from "./support/receiver.js";

let browser: Browser;
let gateway: Gateway;
let receiver: Receiver;
let image = 1;
beforeAll(async () => {
  browser = await launch();
  gateway = await Gateway.start(LOCAL_TARGETS);
  receiver = await Receiver.start();
});
afterAll(async () => {
  await browser.close();
  await gateway.stop();
  receiver.stop();
});

async function on(query: string, look: (page: Page, tab: Tab) => Promise<void>, mayFail = false) {
  const tab = await open(browser, gateway.url + query, { mayFail });
  await look(tab.page, tab);
  expect(tab.complaints).toEqual([]);
  await tab.close();
}

const push = (tag: string) => gateway.push({ repository: "team/app", tag, image: image++ });

const put = (name: string, definition: Record<string, unknown> = {}) =>
  putTrigger(gateway, name, receiver.url, definition);

/** Its definition, as it is told. */
async function known(name: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${gateway.url}/v1/triggers/${name}`);
  return { ...((await answer.json()) as Record<string, unknown>), state: undefined };
}

const log = (page: Page) => page.getByRole("table", { name: "Access log" });

describe("a trigger", { timeout: 60_000 }, () => {
  it("is made in the form, calls its target, and its log says what became of each event", () =>
    on("/?view=triggers", async (page) => {
      await page.getByRole("heading", { name: "No trigger yet" }).waitFor();
      await page.getByRole("link", { name: "New trigger" }).click();
      await page.getByLabel("Name", { exact: true }).fill("redeploy");
      await page.getByLabel("Repository", { exact: true }).fill("team/app");
      await page.getByLabel("Tag", { exact: true }).fill("latest");
      await page.getByText("There is no event to try it on yet.").waitFor();
      await page.getByLabel("URL").fill(receiver.url);
      await page.getByLabel("Signature").selectOption("new");
      await page.getByRole("button", { name: "Add a header" }).click();
      await page.getByLabel("Header", { exact: true }).fill("X-Own");
      await page.getByLabel("Value").fill("of mine");
      await page.getByLabel("Waits for more").fill("0");
      await page.getByRole("button", { name: "Create" }).click();
      await page.getByText("shown this once").waitFor();
      expect(await page.locator(".new-secret pre").textContent()).toMatch(/^whsec_/);
      await page.getByRole("button", { name: "I have it" }).click();

      await push("latest");
      await push("v1");
      const delivered = log(page)
        .getByRole("row", { name: "team/app:latest" })
        .filter({ hasText: "tag set" });
      await delivered.getByText("HTTP 200").waitFor();
      expect(await delivered.textContent()).toContain("delivered");
      expect(await delivered.textContent()).toContain("taken");
      const refused = log(page).getByRole("row", { name: "team/app:v1" }).filter({ hasText: "tag set" });
      expect(await refused.textContent()).toContain('untriggered: not tag == "latest", it is "v1"');
      expect(receiver.received).toHaveLength(1);
      expect(receiver.received[0]?.headers).toMatchObject({
        "x-own": "of mine",
        "tagcast-trigger": "redeploy",
      });
      expect(receiver.received[0]?.headers["webhook-signature"]).toMatch(/^v1,/);

      await page.getByLabel("Which events").selectOption("untriggered");
      await expect.poll(() => delivered.count()).toBe(0);
      await page.getByLabel("Search the log").fill("nowhere");
      await page.getByText("There is none.", { exact: true }).waitFor();
    }));

  it("is found in the list, paused and resumed where it was", () =>
    on("/?view=triggers", async (page) => {
      await put("paused");
      const row = page.getByRole("row", { name: "paused" });
      await row.getByText("active").waitFor();
      await row.getByRole("link", { name: "paused" }).click();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "Resume" }).waitFor();
      const before = receiver.received.length;
      await push("while-paused");
      await log(page).getByRole("row", { name: "while-paused" }).first().waitFor();
      expect(receiver.received).toHaveLength(before);
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await expect.poll(() => receiver.received.length).toBe(before + 1);
    }));

  it("is edited with all that the form does not show, and its secrets stay", () =>
    on(
      "/?view=triggers&trigger=edited",
      async (page) => {
        await put("edited", {
          filter: 'tag == "v1" && size > 0',
          target: {
            http: {
              url: receiver.url,
              auth: { bearer: "secret" },
              headers: { "X-Key": "k" },
              format: "cloudevents",
            },
          },
          retry: { attempts: 3, ttl: "1h" },
          dead_letter: false,
        });
        const before = await known("edited");
        await page.reload();
        await page.getByRole("link", { name: "Edit" }).click();
        await page.getByLabel("Events in a batch").fill("25");
        await page.getByRole("button", { name: "Save" }).click();
        await page.getByRole("heading", { name: "Definition" }).waitFor();
        const after = await known("edited");
        expect(after).toEqual({ ...before, batch: { size: 25, cutoff: 0 } });
        await push("v1");
        const sent = () =>
          receiver.received.find(({ headers }) => headers["tagcast-trigger"] === "edited")?.headers;
        await expect.poll(sent).toMatchObject({ "x-key": "k", authorization: "Bearer secret" });
      },
      true,
    ));

  it("is deleted, if one means it", () =>
    on("/?view=triggers", async (page) => {
      await put("unwanted");
      await page.getByRole("link", { name: "unwanted" }).click();
      await page.getByRole("button", { name: "Delete" }).click();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Delete" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByRole("row", { name: "paused" }).waitFor();
      expect(await page.getByRole("row", { name: "unwanted" }).count()).toBe(0);
    }));
});

describe("what is wrong is said where it is written", { timeout: 60_000 }, () => {
  const wrong = (label: string) => `${label} is marked and described`;

  async function faultOf(page: Page, label: string): Promise<string> {
    const field = page.getByLabel(label);
    await expect.poll(() => field.getAttribute("aria-invalid"), { message: wrong(label) }).toBe("true");
    await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
    const ids = (await field.getAttribute("aria-describedby"))?.split(" ") ?? [];
    return (await page.locator(`[id="${ids.at(-1)}"]`).textContent()) ?? "";
  }

  it("a URL, a name, a header, and what is folded away", () =>
    on(
      "/?view=triggers&form=new",
      async (page) => {
        const create = page.getByRole("button", { name: "Create" });
        await page.getByLabel("Every push").check();
        await page.getByLabel("Name", { exact: true }).fill("redeploy");
        await page.getByLabel("URL").fill("http://10.0.0.1/hook");
        await create.click();
        expect(await faultOf(page, "Name")).toContain("of this name already");
        await page.getByLabel("Name", { exact: true }).fill("no/name");
        await create.click();
        expect(await faultOf(page, "Name")).toContain("1 to 64 characters");
        await page.getByLabel("Name", { exact: true }).fill("wrong");
        await create.click();
        expect(await faultOf(page, "URL")).toContain("10.0.0.1");
        await page.getByLabel("URL").fill(receiver.url);
        await page.getByText("Attempts, dead letters and more").click();
        await page.getByLabel("Attempts for a batch").fill("99");
        await page.getByText("Attempts, dead letters and more").click();
        await create.click();
        expect(await faultOf(page, "Attempts for a batch")).toContain("1 to 30");
        await page.getByLabel("Attempts for a batch").fill("");
        await page.getByRole("button", { name: "Add a header" }).click();
        await page.getByLabel("Header", { exact: true }).fill("Host");
        await page.getByLabel("Value").fill("x");
        await create.click();
        await page.getByText("'Host' is set by the gateway").waitFor();
      },
      true,
    ));

  it("a filter, as one types it", () =>
    on(
      "/?view=triggers&form=new",
      async (page) => {
        await page.getByLabel("An expression of the filter language").check();
        await page.locator(".cm-content").click();
        await page.keyboard.type("tga == ");
        await page.locator(".verdict-wrong").waitFor();
        await page.getByLabel("Name", { exact: true }).fill("wrong");
        await page.getByLabel("URL").fill(receiver.url);
        await page.getByRole("button", { name: "Create" }).click();
        await expect.poll(() => page.locator(".verdict-wrong").count()).toBe(1);
        await page.getByLabel("Tags that match").check();
        await page.getByLabel("Regular expression", { exact: true }).fill("release-(");
        await page.locator(".verdict-wrong").getByText("/tag/matches").waitFor();
        await page.getByLabel("Regular expression", { exact: true }).fill("la.*");
        await page.getByTestId("verdict").getByText("events match").waitFor();
        expect((await fetch(`${gateway.url}/v1/triggers/wrong`)).status).toBe(404);
      },
      true,
    ));
});

describe("dead letters", { timeout: 60_000 }, () => {
  it("are listed, looked at, sent again, purged", () =>
    on("/?view=triggers", async (page) => {
      const own = await Receiver.start();
      await put("refused", { target: { http: { url: own.url } } });
      own.answer = { status: 422, body: "no such project" };
      await push("first");
      await push("second");
      await page.getByRole("link", { name: "refused" }).click();
      const table = page.getByRole("table", { name: "Dead letters" });
      await expect.poll(() => table.getByRole("row").count()).toBe(3);
      expect(await table.getByRole("row").nth(1).textContent()).toContain("HTTP 422, 1 attempt");
      expect(await table.getByRole("row").nth(1).textContent()).toContain("no such project");
      await table.getByRole("button", { name: "See" }).first().click();
      await table.locator("pre").getByText('"tag": "first"').waitFor();
      await table.getByRole("button", { name: "Send again" }).first().click();
      await page.getByText("Not delivered: HTTP 422.").waitFor();
      own.answer = { status: 200, body: "" };
      await table.getByRole("button", { name: "Send again" }).first().click();
      await page.getByText("Delivered: HTTP 200.", { exact: true }).waitFor();
      expect(own.received.at(-1)?.headers["webhook-id"]).toBe(own.received[0]?.headers["webhook-id"]);
      await table.getByRole("button", { name: "Purge" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Purge" }).click();
      await page.getByText("There is none: nothing was given up.").waitFor();
      own.stop();
    }));
});

it("a target that fails is said in the list, with the last answer", () =>
  on("/?view=triggers", async (page) => {
    const own = await Receiver.start();
    own.answer = { status: 503, body: "overloaded" };
    await put("failing", { target: { http: { url: own.url } } });
    await push("third");
    await page.getByRole("row", { name: "failing" }).getByText("failing").last().waitFor();
    await page.getByText("HTTP 503").waitFor();
    await page.getByText("overloaded").waitFor();
    own.stop();
  }));

it("one without rights is told which token it needs, and may give it", async () => {
  const [reader, admin] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
  const guarded = await Gateway.start(
    `[[readers]]\nname = "page"\ntoken = "${reader}"\n[[readers]]\nname = "operator"\ntoken = "${admin}"\nadmin = true\n`,
  );
  const tab = await open(browser, `${guarded.url}/?view=triggers&form=new`, { mayFail: true });
  const { page } = tab;
  const field = page.getByLabel("Token", { exact: true });
  await field.fill(reader);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("needs the token of an operator").waitFor();
  expect(await page.getByRole("button", { name: "Create" }).count()).toBe(0);
  await page.getByRole("button", { name: "Enter another token" }).click();
  await field.fill(admin);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Create" }).waitFor();
  expect(tab.complaints).toEqual([]);
  await tab.close();
  await guarded.stop();
});
