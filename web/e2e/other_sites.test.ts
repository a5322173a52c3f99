// What a real browser does for pages of other sites: nothing comes in, nothing is read, and links lead to the page.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch } from "./support/browser.js";

const INGEST = "/v1/sources/distribution/events";

let browser: Browser;
let site: Server;
let port: number;
beforeAll(async () => {
  // Each such name leads to this machine, as an attacker's may.
  browser = await launch(["--host-resolver-rules=MAP *.example 127.0.0.1"]);
  site = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end("<!doctype html><title>another site</title><body></body>");
  });
  await new Promise<void>((done) => site.listen(0, "127.0.0.1", done));
  ({ port } = site.address() as AddressInfo);
});
afterAll(async () => {
  await browser.close();
  site.close();
});

async function visit(url: string, look: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext();
  await look(await context.newPage().then(async (page) => (await page.goto(url), page)));
  await context.close();
}

/** What a page may try, and what it got. */
function attack(page: Page, gateway: string): Promise<Record<string, string>> {
  return page.evaluate(
    async ([gateway, ingest]) => {
      const body = JSON.stringify({ events: [] });
      const said = (answer: Promise<Response>) =>
        answer.then(
          (got) => (got.type === "opaque" ? "opaque" : String(got.status)),
          () => "refused",
        );
      const event = (target: EventTarget, good: string) =>
        new Promise<string>((done) => {
          target.addEventListener(good, () => done(good));
          target.addEventListener("error", () => done("refused"));
        });
      const element = (name: "img" | "script", path: string) => {
        const made = document.createElement(name);
        made.src = gateway + path;
        document.body.append(made);
        return event(made, "load");
      };
      const form = () => {
        const frame = document.createElement("iframe");
        frame.name = "form";
        const made = document.createElement("form");
        Object.assign(made, {
          method: "post",
          enctype: "text/plain",
          target: "form",
          action: gateway + ingest,
        });
        made.innerHTML = `<input name='{"events":[],"x":"' value='"}'>`;
        document.body.append(frame, made);
        const loaded = new Promise<string>((done) => frame.addEventListener("load", () => done("sent")));
        made.submit();
        return loaded;
      };
      const plain = { "content-type": "text/plain" };
      const post = (path: string, more: RequestInit = {}) =>
        fetch(gateway + path, { method: "POST", body, ...more });
      const stream = new EventSource(`${gateway}/v1/events`);
      const socket = new WebSocket(`${gateway.replace("http", "ws")}/v1/ws?filter=true`);
      const opened = { stream: event(stream, "open"), socket: event(socket, "open") };
      const got = {
        form: await form(),
        beacon: String(navigator.sendBeacon(gateway + ingest, new Blob([body], { type: "text/plain" }))),
        blindPost: await said(post(ingest, { mode: "no-cors", headers: plain })),
        post: await said(post(ingest, { headers: plain })),
        jsonPost: await said(post(ingest, { headers: { "content-type": "application/json" } })),
        trigger: await said(fetch(`${gateway}/v1/triggers/x`, { method: "PUT", body: "{}" })),
        read: await said(fetch(`${gateway}/v1/events`)),
        backup: await said(fetch(`${gateway}/v1/backup`)),
        stream: await opened.stream,
        socket: await opened.socket,
        image: await element("img", "/v1/events"),
        script: await element("script", "/v1/events"),
      };
      stream.close();
      socket.close();
      return got;
    },
    [gateway, INGEST] as const,
  );
}

async function untouched(gateway: Gateway): Promise<void> {
  const ask = async (path: string) => (await (await fetch(gateway.url + path)).json()) as never;
  const { sources } = (await ask("/v1/sources")) as { sources: { last_event?: string; counts: unknown }[] };
  const silent = Object.fromEntries(Object.keys(sources[0]?.counts ?? {}).map((name) => [name, 0]));
  for (const { counts } of sources) expect(counts).toEqual(silent);
  expect(await ask("/v1/server")).toMatchObject({ log: { newest: 0 } });
  expect(await ask("/v1/triggers")).toMatchObject({ triggers: [] });
  expect(await ask("/v1/connections")).toMatchObject({ connections: [] });
}

async function turnedAway(gateway: Gateway, code: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(new RegExp(`tagcast_turned_away_total{code="${code}"} (\\d+)`).exec(text)?.[1] ?? 0);
}

const REFUSED = {
  post: "refused",
  jsonPost: "refused",
  trigger: "refused",
  read: "refused",
  backup: "refused",
  stream: "refused",
  socket: "refused",
  image: "refused",
  script: "refused",
};

it("a page of another site reads nothing and sends nothing", async () => {
  const gateway = await Gateway.start();
  for (const host of ["evil.example", "localhost", "127.0.0.1"]) {
    const before = await turnedAway(gateway, "origin_denied");
    await visit(`http://${host}:${port}`, async (page) => {
      expect(await attack(page, gateway.url), host).toMatchObject(REFUSED);
    });
    // Form, beacon, and each of the others but those that end with their preflight count once.
    await expect.poll(() => turnedAway(gateway, "origin_denied")).toBeGreaterThanOrEqual(before + 12);
  }
  await untouched(gateway);
  await gateway.stop();
});

it("a page whose name was bound anew gets no further", async () => {
  const gateway = await Gateway.start();
  const rebound = gateway.url.replace("127.0.0.1", "rebound.example");
  await visit(`${rebound}/healthz`, async (page) => {
    const got = await attack(page, rebound);
    for (const name of ["blindPost", "post", "jsonPost", "trigger", "read", "backup"])
      expect(got[name], name).toBe("403");
    for (const name of ["stream", "socket", "image", "script"]) expect(got[name], name).toBe("refused");
    expect(
      await page.evaluate(async () => (await fetch("/v1/events")).json() as Promise<unknown>),
    ).toMatchObject({
      error: { code: "host_denied" },
    });
  });
  await untouched(gateway);
  await gateway.stop();
});

it("a link leads to the page", async () => {
  const gateway = await Gateway.start();
  await visit(`http://evil.example:${port}`, async (page) => {
    await page.evaluate((url) => {
      const link = document.createElement("a");
      link.href = url;
      link.textContent = "Tagcast";
      document.body.append(link);
    }, gateway.url);
    await page.getByRole("link").click();
    await page.getByTestId("state").getByText("live").waitFor();
  });
  await gateway.stop();
});

it("a page of an allowed origin reads, and sends nothing", async () => {
  const origin = `http://ops.example:${port}`;
  const gateway = await Gateway.start(`[http]\nallowed_origins = ["${origin}"]\n`);
  await visit(origin, async (page) => {
    const read = { read: "200", backup: "200", stream: "open", socket: "open" };
    expect(await attack(page, gateway.url)).toMatchObject({ ...REFUSED, ...read });
  });
  await expect
    .poll(async () => (await fetch(`${gateway.url}/v1/connections`)).json() as Promise<unknown>)
    .toMatchObject({ total: 0 });
  await untouched(gateway);
  await gateway.stop();
});

it("its own page does all of it", async () => {
  const gateway = await Gateway.start();
  await visit(`${gateway.url}/healthz`, async (page) => {
    const own = { post: "200", jsonPost: "200", read: "200", backup: "200", stream: "open", socket: "open" };
    expect(await attack(page, gateway.url)).toMatchObject(own);
  });
  await gateway.stop();
});
