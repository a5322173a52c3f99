// Pictures of every view in both themes, to be looked at: TAGCAST_SCREENSHOTS=FOLDER npm run e2e screenshots
import { join } from "node:path";

import { describe, it } from "vitest";

import { Gateway } from "../testing/gateway.js";
import { launch, open } from "./support/browser.js";
import { fill, fillTriggers } from "./support/content.js";
import { LOCAL_TARGETS, Receiver } from "./support/receiver.js";

const folder = process.env.TAGCAST_SCREENSHOTS;
const SIZES = [
  [390, 844],
  [820, 1100],
  [1440, 900],
] as const;

describe.runIf(folder)("pictures", () => {
  it("of every view", { timeout: 300_000 }, async () => {
    const gateway = await Gateway.start(LOCAL_TARGETS);
    const browser = await launch();
    const pictures: [name: string, query: string, ready: string][] = [
      ["empty", "/", ".empty"],
      ["triggers-empty", "/?view=triggers", ".empty"],
    ];
    const take = async () => {
      for (const colorScheme of ["light", "dark"] as const) {
        for (const [width, height] of SIZES) {
          for (const [name, query, ready] of pictures) {
            const tab = await open(browser, gateway.url + query, {
              colorScheme,
              viewport: { width, height },
              mayFail: true,
            });
            await tab.page.locator(ready).first().waitFor();
            if (name === "activity") await tab.page.waitForTimeout(5_000);
            await tab.page
              .locator(".cm-content")
              .waitFor({ timeout: 500 })
              .catch(() => undefined);
            await tab.page.screenshot({ path: join(folder ?? "", `${name}-${width}-${colorScheme}.png`) });
            await tab.close();
          }
        }
      }
    };
    await take();
    const event = await fill(gateway);
    const receivers = [await Receiver.start(), await Receiver.start()] as const;
    await fillTriggers(gateway, ...receivers);
    pictures.splice(
      0,
      2,
      ["live", "/", "tr.line"],
      ["event", `/?event=${event}`, ".known li"],
      ["wrong", "/?filter=repository+%3D%3D+%22team%2Fapp%22+%26%26+tga+%3D%3D+%22v1%22", ".verdict-wrong"],
      ["repositories", "/?view=repositories", "tbody tr"],
      [
        "repository",
        "/?view=repositories&registry=hub.example.com&repository=team%2Fapp&cloud=default",
        ".history li",
      ],
      ["sources", "/?view=sources", "tbody tr"],
      ["triggers", "/?view=triggers", "tbody tr"],
      ["trigger", "/?view=triggers&trigger=redeploy", "table.log tr"],
      ["dead-letters", "/?view=triggers&trigger=inventory", "table.letters tr"],
      ["trigger-new", "/?view=triggers&form=new", "form"],
      ["trigger-edit", "/?view=triggers&trigger=stopped&form=edit", ".cm-content"],
      ["activity", "/?view=activity", "canvas"],
      ["system", "/?view=system", ".facts"],
    );
    await take();
    await browser.close();
    await gateway.stop();
    for (const receiver of receivers) receiver.stop();
  });
});
