// The page behind a proxy that puts a path in front of it, and takes it off again or leaves it.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";
import { freePort } from "./support/port.js";

const BASE = '[http]\nbase_path = "/tools/tagcast"\n';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** nginx with `/tools/tagcast/` in front of a gateway. */
class Nginx {
  private constructor(
    readonly url: string,
    private readonly directory: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(gateway: string, strips: boolean): Promise<Nginx> {
    const directory = mkdtempSync(join(tmpdir(), "tagcast-nginx-"));
    const port = await freePort();
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${directory}/${name};`,
    );
    writeFileSync(
      join(directory, "nginx.conf"),
      `daemon off; master_process off; error_log stderr error; pid ${directory}/pid; events {}
       http { access_log off; ${temporary.join(" ")}
         map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
         server { listen 127.0.0.1:${port};
           location /tools/tagcast/ { proxy_pass ${gateway}${strips ? "/" : ""};
             proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_buffering off;
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; } } }`,
    );
    const process = spawn("/usr/sbin/nginx", ["-p", directory, "-c", join(directory, "nginx.conf")], {
      stdio: "ignore",
    });
    const url = `http://127.0.0.1:${port}`;
    for (let asked = 0; !(await fetch(url).catch(() => undefined)); asked++) {
      if (asked > 200 || process.exitCode !== null) throw new Error("nginx did not start");
      await pause(50);
    }
    return new Nginx(url, directory, process);
  }

  stop(): void {
    this.process.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

it.each([
  { strips: true, settings: "" },
  { strips: false, settings: BASE },
])("the page works behind a path: $strips", async ({ strips, settings }) => {
  const gateway = await Gateway.start(settings);
  const nginx = await Nginx.start(gateway.url, strips);
  // nginx sends who leaves the slash out to where it is.
  const tab = await open(browser, `${nginx.url}/tools/tagcast`);
  const { page } = tab;
  await page.getByTestId("state").getByText("live").waitFor();
  expect(new URL(page.url()).pathname).toBe("/tools/tagcast/");
  await gateway.push({ repository: "team/app", tag: "v1", image: 1 });
  await page.getByText("team/app").first().waitFor();
  for (const view of ["Repositories", "Sources", "Triggers", "System"]) {
    await page.getByRole("link", { name: view }).first().click();
    await expect.poll(() => page.url()).toContain(`/tools/tagcast/?view=${view.toLowerCase()}`);
  }
  const metrics = await page.getByRole("link", { name: "metrics" }).getAttribute("href");
  expect((await fetch(new URL(metrics ?? "", page.url()))).status).toBe(200);
  await page.goto(`${nginx.url}/tools/tagcast/?view=sources`);
  await page.getByRole("button", { name: "Connect harbor" }).click();
  await page.locator("pre").getByText(`${nginx.url}/tools/tagcast/v1/sources/harbor/events`).waitFor();
  await page.getByRole("button", { name: "Send a test push" }).click();
  await page.getByText("Sent: 2 events").waitFor();
  expect(tab.complaints).toEqual([]);
  await tab.close();
  nginx.stop();
  await gateway.stop();
});
