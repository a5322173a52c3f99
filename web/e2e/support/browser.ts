// Debian's Chromium, and pages that tell what went wrong in them.
import { existsSync } from "node:fs";

import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const PROGRAM = [process.env.TAGCAST_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];

export async function launch(args: string[] = []): Promise<Browser> {
  const executablePath = PROGRAM.find((path) => path && existsSync(path));
  if (!executablePath)
    throw new Error("no Chromium: make test-tools installs it, TAGCAST_CHROMIUM names another");
  return chromium.launch({ executablePath, args });
}

/** A page, and whatever it complained about. */
export interface Tab {
  page: Page;
  /** Errors, refusals of the content policy, and requests to any other host. */
  complaints: string[];
  close(): Promise<void>;
}

/** Opens `url`. A request that fails makes the browser complain too: `mayFail` for tests that want it. */
export async function open(
  browser: Browser,
  url: string,
  { mayFail = false, ...options }: BrowserContextOptions & { mayFail?: boolean } = {},
): Promise<Tab> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(10_000);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const complaints: string[] = [];
  const { host } = new URL(url);
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (
      message.type() === "error" &&
      !(mayFail && /net::ERR|WebSocket connection|status of 4/.test(message.text()))
    ) {
      complaints.push(`console: ${message.text()}`);
    }
  });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== host) complaints.push(`another host: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}
