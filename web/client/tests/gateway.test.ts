// Against the real program.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Gateway } from "../../testing/gateway.js";
import { subscribe, shortType, type Batch, type State } from "../src/node/index.js";

let gateway: Gateway;
beforeAll(async () => (gateway = await Gateway.start()));
afterAll(() => gateway.stop());

/** Settles when `holds` does. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${holds.toString()}`);
    await new Promise((again) => setTimeout(again, 10));
  }
}

describe("with a real gateway", () => {
  it("gets what matches, typed, from the beginning of the log", async () => {
    await gateway.push(
      { repository: "team/app", tag: "v1", image: 1 },
      { repository: "team/other", tag: "v1", image: 2 },
    );
    const subscription = subscribe({
      url: gateway.url,
      filter: { repository: "team/app" },
      after: "earliest",
    });
    for await (const { events } of subscription) {
      expect(events.map((event) => [shortType(event), event.details.tag])).toEqual([
        ["CreateImage", "v1"],
        ["CreateImageTag", "v1"],
      ]);
      break;
    }
  });

  it("misses and repeats nothing over a kill of the gateway", async () => {
    const states: State["name"][] = [];
    const got: string[] = [];
    const subscription = subscribe(
      {
        url: gateway.url,
        filter: 'repository == "team/killed"',
        onState: ({ name }) => states.push(name),
        random: () => 0.2,
      },
      ({ events }) => void got.push(...events.map((event) => event.event_metadata.event_id)),
    );
    await until(() => subscription.state.name === "live");
    const sent: string[] = [];
    const push = async (from: number) => {
      for (let i = from; i < from + 20; i++) {
        sent.push(...(await gateway.push({ repository: "team/killed", tag: `v${i}`, image: i })));
      }
    };
    await push(1000);
    await gateway.kill();
    await until(() => states.includes("waiting"));
    await gateway.startAgain();
    await push(2000);
    await until(() => got.length >= sent.length);
    expect(got).toEqual(sent);
    subscription.close();
  });

  it("takes large batches in pieces, and goes on from a position", async () => {
    const tags = Array.from({ length: 2_000 }, (_, i) => ({
      repository: "team/many",
      tag: `t${i}`,
      image: 9,
    }));
    const sent: string[] = [];
    for (let i = 0; i < tags.length; i += 500) sent.push(...(await gateway.push(...tags.slice(i, i + 500))));
    const common = {
      url: gateway.url,
      filter: 'repository == "team/many"',
      batch: { size: 5000, bytes: 1 << 20 },
    };
    const got: string[] = [];
    const take = ({ events }: Batch) =>
      void got.push(...events.map((event) => event.event_metadata.event_id));
    const first = subscribe({ ...common, after: "earliest" }, (batch) => {
      take(batch);
      if (got.length > 500) first.close();
    });
    await first.closed;
    const second = subscribe({ ...common, after: first.position }, take);
    await until(() => got.length >= sent.length);
    second.close();
    expect(got).toEqual(sent);
  });

  it("is told what is wrong with a filter, and where", async () => {
    const error = await subscribe({ url: gateway.url, filter: 'tga == "v1"' }, () => undefined).closed;
    expect(error).toMatchObject({
      code: "invalid_filter",
      details: { reason: "unknown_name", offset: 0, length: 3 },
    });
  });

  it("says why it is not let in, and comes in once it may", async () => {
    const full = await Gateway.start("[connections]\ntotal = 1\n");
    try {
      const first = subscribe({ url: full.url }, () => undefined);
      await until(() => first.state.name === "live");
      const second = subscribe({ url: full.url, random: () => 0.1 }, () => undefined);
      await until(() => second.state.name === "waiting");
      expect(second.state).toMatchObject({ reason: { code: "overloaded" } });
      first.close();
      second.retryNow();
      await until(() => second.state.name === "live");
      second.close();
    } finally {
      await full.stop();
    }
  });

  it("needs the right token where the gateway has readers", async () => {
    const token = "0123456789abcdef0123456789abcdef";
    const guarded = await Gateway.start(`[[readers]]\nname = "page"\ntoken = "${token}"\n`);
    try {
      const refused = await subscribe({ url: guarded.url, token: "not the token" }, () => undefined).closed;
      expect(refused).toMatchObject({ code: "unauthenticated" });
      const subscription = subscribe({ url: guarded.url, token }, () => undefined);
      await until(() => subscription.state.name === "live");
      subscription.close();
    } finally {
      await guarded.stop();
    }
  });
});
