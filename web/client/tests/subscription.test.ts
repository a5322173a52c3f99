// How a subscription behaves, with a socket that the test holds the other end of.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { subscribe, type Batch, type Options, type Socket, type State } from "../src/index.js";

class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  sent: { subscribe: { after?: string } }[] = [];
  closedBy: number | undefined;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as FakeSocket["sent"][number]);
  }
  close(code?: number): void {
    this.closedBy = code;
  }
  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  /** Opens, and takes the subscription. */
  live(position: string): this {
    this.onopen?.();
    this.says({ subscribed: { id: "s", filter: "true", batch: {}, format: "tagcast", position } });
    return this;
  }
  batch(...ids: string[]): void {
    this.says({ id: "s", messages: ids.map((event_id) => ({ event_metadata: { event_id } })) });
  }
}

let sockets: FakeSocket[];
let urls: string[];
let states: State[];

function options(more: Options = {}): Options {
  return {
    url: "http://gateway.test",
    openSocket: (url) => {
      urls.push(url);
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    random: () => 1,
    onState: (state) => states.push(state),
    ...more,
  };
}

const last = () => {
  const socket = sockets.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
};
const ids = (batches: Batch[]) =>
  batches.flatMap((batch) => batch.events.map((event) => event.event_metadata.event_id));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", () => Promise.reject(new Error("no network")));
  sockets = [];
  urls = [];
  states = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
const soon = () => vi.advanceTimersByTimeAsync(0);

describe("a subscription", () => {
  it("asks for what it was told, and hands over batches", async () => {
    const got: Batch[] = [];
    const subscription = subscribe(
      options({ filter: 'tag == "v1"', batch: { size: 5 }, after: "earliest" }),
      (batch) => {
        got.push(batch);
      },
    );
    await soon();
    last().live("p0");
    expect(last().sent).toEqual([
      { subscribe: { id: "s", filter: 'tag == "v1"', batch: { size: 5 }, after: "earliest" } },
    ]);
    last().batch("a", "b");
    expect(ids(got)).toEqual(["a", "b"]);
    expect(subscription.position).toBe("b");
    expect(states.map((state) => state.name)).toEqual(["connecting", "live"]);
  });

  it("resumes behind the last event, the subscribed position, a position or a gap", async () => {
    const gaps: string[] = [];
    subscribe(options({ onGap: (gap) => gaps.push(gap.to) }), () => undefined);
    await soon();
    const steps: [() => void, string][] = [
      [() => void last().live("p0"), "p0"],
      [() => last().live("p0").batch("a", "b"), "b"],
      [
        () =>
          last()
            .live("b")
            .says({ position: { id: "s", event_id: "c" } }),
        "c",
      ],
      [
        () =>
          last()
            .live("c")
            .says({ gap: { from: "d", to: "f", reason: "retention" } }),
        "f",
      ],
    ];
    for (const [step, position] of steps) {
      step();
      last().onclose?.({ code: 1006, reason: "" });
      await vi.advanceTimersByTimeAsync(30_000);
      last().onopen?.();
      expect(last().sent.at(-1)?.subscribe.after).toBe(position);
    }
    expect(gaps).toEqual(["f"]);
  });

  it("waits longer after each failure, and not after a steady connection", async () => {
    subscribe(options(), () => undefined);
    await soon();
    const waits = () => states.flatMap((state) => (state.name === "waiting" ? [state.wait] : []));
    for (const wait of [1_000, 2_000, 4_000]) {
      last().onclose?.({ code: 1006, reason: "" });
      await vi.advanceTimersByTimeAsync(wait);
    }
    expect(waits()).toEqual([1_000, 2_000, 4_000]);
    last().live("p");
    await vi.advanceTimersByTimeAsync(10_000);
    last().onclose?.({ code: 1012, reason: "shutting_down" });
    expect(waits().at(-1)).toBe(1_000);
  });

  it("ends on a code that asks to stop, and on an error that does not pass", async () => {
    const one = subscribe(options(), () => undefined);
    await soon();
    last().live("p");
    last().onclose?.({ code: 4410, reason: "revoked" });
    expect(await one.closed).toMatchObject({ code: "closed_4410", message: "revoked" });

    const other = subscribe(options({ filter: "tga" }), () => undefined);
    await soon();
    last().onopen?.();
    last().says({
      error: { code: "invalid_filter", message: "unknown field", id: "s", details: { offset: 0, length: 3 } },
    });
    expect(await other.closed).toMatchObject({ code: "invalid_filter", details: { offset: 0, length: 3 } });
    expect(last().closedBy).toBe(1000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets).toHaveLength(2);
  });

  it("asks again where an error passes", async () => {
    subscribe(options(), () => undefined);
    await soon();
    last().onopen?.();
    last().says({ error: { code: "storage_failed", message: "…" } });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sockets).toHaveLength(2);
  });

  /** Why it waits now. */
  const reason = () => {
    const state = states.at(-1);
    return state?.name === "waiting" ? state.reason : undefined;
  };

  const ours = (code: string) => `{"error":{"code":"${code}","message":"the gateway's own words"}}`;

  it.each([
    [401, ours("unauthenticated"), "unauthenticated", "the gateway's own words"],
    [403, ours("origin_denied"), "origin_denied", "the gateway's own words"],
    [404, ours("not_found"), "not_found", "the gateway's own words"],
    [403, "<html>", "http_403", "something else than a Tagcast gateway answers with 403"],
    [308, "", "http_308", "something else than a Tagcast gateway answers with 308, to https://else.test/"],
    [302, "", "http_302", "something else than a Tagcast gateway answers with 302, to https://gateway.test/"],
  ])("learns from a plain request that %i %s is final", async (status, body, code, message) => {
    const asked: string[] = [];
    vi.stubGlobal("fetch", (url: string) => {
      asked.push(url);
      const to = { 308: "https://else.test/", 302: "https://gateway.test/" }[status];
      return Promise.resolve(new Response(body, { status, headers: to ? { Location: to } : {} }));
    });
    const subscription = subscribe(options({ token: "wrong" }), () => undefined);
    await soon();
    last().onclose?.({ code: 1006, reason: "" });
    expect(await subscription.closed).toMatchObject({ code, message });
    expect(asked).toEqual(["http://gateway.test/v1/ws?heartbeat=10s"]);
  });

  it.each([
    [429, ours("too_many_connections"), "too_many_connections"],
    [503, ours("of_tomorrow"), "of_tomorrow"],
    [404, "<html>", "http_404"],
    [200, "<html>", "http_200"],
    [302, "", "http_302"],
    [502, '{"error":{"code":502,"message":"no upstream"}}', "http_502"],
    [426, ours("upgrade_required"), "no_websocket"],
  ])("waits out %i %s, and says so", async (status, body, code) => {
    vi.stubGlobal("fetch", () =>
      Promise.resolve(new Response(body, { status, headers: status === 429 ? { "Retry-After": "7" } : {} })),
    );
    subscribe(options(), () => undefined);
    await soon();
    last().onclose?.({ code: 1006, reason: "" });
    await soon();
    expect(reason()).toMatchObject({ code });
    expect(states.at(-1)).toMatchObject({ name: "waiting", wait: status === 429 ? 8_000 : 1_000 });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(sockets).toHaveLength(2);
  });

  it.each([
    ["3", 3_000],
    [new Date(Date.UTC(2026, 0, 1, 0, 0, 9)).toUTCString(), 9_000],
    ["Thursday, 01-Jan-26 00:00:09 GMT", 9_000],
    ["Thu Jan  1 00:00:09 2026", 9_000],
    ["99999999", 3_600_000],
    ["soon", 0],
    ["12.5", 0],
    ["-5", 0],
  ])("waits for as long as Retry-After: %s says", async (told, wait) => {
    vi.setSystemTime(Date.UTC(2026, 0, 1));
    vi.stubGlobal("fetch", () =>
      Promise.resolve(new Response("", { status: 503, headers: { "Retry-After": told } })),
    );
    subscribe(options(), () => undefined);
    await soon();
    last().onclose?.({ code: 1006, reason: "" });
    await soon();
    expect(states.at(-1)).toMatchObject({ name: "waiting", wait: wait + 1_000 });
  });

  it("says that nobody answers, also where a handshake is never answered", async () => {
    subscribe(options(), () => undefined);
    await soon();
    last().onclose?.({ code: 1006, reason: "" });
    await soon();
    expect(reason()).toMatchObject({ code: "unreachable" });
    await vi.advanceTimersByTimeAsync(1_000);
    const second = last();
    await vi.advanceTimersByTimeAsync(14_999);
    expect(second.closedBy).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(second.closedBy).toBe(1000);
    expect(states.at(-1)).toMatchObject({ name: "waiting", failures: 2 });
  });

  it("asks for a sign of life, and gives up a connection that brings none", async () => {
    subscribe(options(), () => undefined);
    await soon();
    expect(urls).toEqual(["ws://gateway.test/v1/ws?heartbeat=10s"]);
    const first = last().live("p");
    for (let beats = 0; beats < 5; beats++) {
      await vi.advanceTimersByTimeAsync(17_999);
      expect(states.at(-1)?.name).toBe("live");
      first.says({ position: { id: "s", event_id: `p${beats}` } });
    }
    await vi.advanceTimersByTimeAsync(17_999);
    expect(states.at(-1)?.name).toBe("live");
    await vi.advanceTimersByTimeAsync(1);
    expect(reason()).toMatchObject({ code: "silent", message: "nothing came for 18 s" });
    expect(first.closedBy).toBe(1000);
    await vi.advanceTimersByTimeAsync(1_000);
    last().onopen?.();
    expect(last().sent[0]?.subscribe.after).toBe("p4");
    // One batch may take long over a slow network: as nothing new came, it gets twice the time.
    last().live("p4");
    await vi.advanceTimersByTimeAsync(35_999);
    expect(states.at(-1)?.name).toBe("live");
    await vi.advanceTimersByTimeAsync(1);
    expect(reason()).toMatchObject({ code: "silent", message: "nothing came for 36 s" });
    await vi.advanceTimersByTimeAsync(2_000);
    last().live("p4");
    await vi.advanceTimersByTimeAsync(71_999);
    last().batch("a");
    await vi.advanceTimersByTimeAsync(18_000);
    expect(reason()).toMatchObject({ code: "silent", message: "nothing came for 18 s" });
  });

  it("gives what may have been held up a moment", async () => {
    subscribe(options(), () => undefined);
    await soon();
    const first = last().live("p");
    await vi.advanceTimersByTimeAsync(1_000);
    // The machine slept: its clock has gone on, and its timers have not.
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(17_000);
    expect(states.at(-1)?.name).toBe("live");
    first.batch("a");
    await vi.advanceTimersByTimeAsync(17_999);
    expect(states.at(-1)?.name).toBe("live");
    await vi.advanceTimersByTimeAsync(1);
    expect(reason()).toMatchObject({ code: "silent" });
  });

  it("looks when its page is looked at, or online, again", async () => {
    const page = new EventTarget();
    vi.stubGlobal("document", page);
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    const subscription = subscribe(options(), () => undefined);
    await soon();
    last().live("p");
    vi.setSystemTime(Date.now() + 20_000);
    page.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(reason()).toMatchObject({ code: "silent" });
    page.dispatchEvent(new Event("online"));
    expect(sockets).toHaveLength(2);
    subscription.close();
    page.dispatchEvent(new Event("online"));
    expect(sockets).toHaveLength(2);
  });

  it("comes back at once where it is asked to, and no faster the second time", async () => {
    subscribe(options(), () => undefined);
    await soon();
    last().live("p").onclose?.({ code: 4003, reason: "max_lifetime" });
    expect(sockets).toHaveLength(2);
    last().live("p").onclose?.({ code: 4004, reason: "feed_changed" });
    expect(reason()).toMatchObject({ code: "closed_4004", message: "feed_changed" });
    expect(sockets).toHaveLength(2);
  });

  it.each(["welcome", "null", "7"])("ends where what answers with %s is no gateway", async (data) => {
    const subscription = subscribe(options(), () => undefined);
    await soon();
    last().onopen?.();
    last().onmessage?.({ data });
    expect(await subscription.closed).toMatchObject({ code: "foreign" });
  });

  it("hands over one batch after another, and gives the connection back to a slow taker", async () => {
    const got: string[] = [];
    const done: (() => void)[] = [];
    const subscription = subscribe(options({ highWater: 3 }), ({ position }) => {
      got.push(position);
      return new Promise((taken) => done.push(taken));
    });
    await soon();
    const first = last();
    first.live("p");
    first.batch("a", "b");
    first.batch("c", "d");
    expect(got).toEqual(["b"]);
    expect(subscription.position).toBe("p");
    expect(first.closedBy).toBe(1000);
    first.batch("e");
    done[0]?.();
    await soon();
    expect(got).toEqual(["b", "d"]);
    expect(sockets).toHaveLength(1);
    done[1]?.();
    await soon();
    expect(sockets).toHaveLength(2);
    last().onopen?.();
    expect(last().sent[0]?.subscribe.after).toBe("d");
    expect(subscription.position).toBe("d");
  });

  it("pauses, and goes on where it was", async () => {
    const subscription = subscribe(options(), () => undefined);
    await soon();
    last().live("p");
    last().batch("a");
    subscription.pause();
    expect(last().closedBy).toBe(1000);
    last().onclose?.({ code: 1000, reason: "" });
    expect(subscription.state.name).toBe("paused");
    subscription.resume();
    last().onopen?.();
    expect(last().sent[0]?.subscribe.after).toBe("a");
  });

  it("can be iterated, and is closed by leaving the loop", async () => {
    const subscription = subscribe(options());
    const seen = (async () => {
      const positions = [];
      for await (const { position } of subscription) {
        positions.push(position);
        if (positions.length === 2) break;
      }
      return positions;
    })();
    await soon();
    last().live("p");
    last().batch("a");
    last().batch("b");
    last().batch("c");
    expect(await seen).toEqual(["a", "b"]);
    expect(subscription.state.name).toBe("closed");
    expect(subscription.position).not.toBe("c");
  });

  it("throws from the loop what ended it", async () => {
    const subscription = subscribe(options());
    const loop = (async () => {
      for await (const { events } of subscription) expect(events).toEqual([]);
    })();
    const thrown = expect(loop).rejects.toMatchObject({ code: "closed_4403" });
    await soon();
    last().live("p");
    last().onclose?.({ code: 4403, reason: "forbidden" });
    await thrown;
  });

  it("ends with its signal", async () => {
    const controller = new AbortController();
    const subscription = subscribe(options({ signal: controller.signal }), () => undefined);
    await soon();
    controller.abort();
    expect(await subscription.closed).toBeUndefined();
    expect(last().closedBy).toBe(1000);
  });
});
