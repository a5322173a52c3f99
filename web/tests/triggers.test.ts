// What the form of a trigger makes of what is written, and reads of what is known.
import { describe, expect, it } from "vitest";

import { definitionOf, draftOf, fieldOf, HIDDEN, type Draft } from "../src/lib/trigger_draft.js";
import {
  EVERY_PUSH,
  eventsOf,
  filterOfEvents,
  wordsOfEvents,
  type Events,
} from "../src/lib/trigger_events.js";
import { withNewest, type Definition, type Filter, type LogRow } from "../src/lib/triggers.js";

describe("which events", () => {
  const ways: [Partial<Events>, Filter, string][] = [
    [
      { way: "pair", repository: "team/app", tag: "latest", pushes: false },
      { repository: "team/app", tag: "latest" },
      "team/app:latest, also when it goes",
    ],
    [
      { way: "pair", repository: "team/app", tag: "v1" },
      { repository: "team/app", tag: "v1", type: "CreateImageTag" },
      "team/app:v1",
    ],
    [
      { way: "pattern", pattern: "release-v.*", pushes: false },
      { tag: { matches: "release-v.*" } },
      "/release-v.*/, also when it goes",
    ],
    [
      { way: "pattern", repository: "a", pattern: "v.*" },
      { repository: "a", tag: { matches: "v.*" }, type: "CreateImageTag" },
      "a:/v.*/",
    ],
    [{ way: "list", tags: "v1, v2", pushes: false }, { tag: ["v1", "v2"] }, "v1, v2, also when it goes"],
    [{ way: "all" }, { type: "CreateImageTag" }, "every push"],
    [{ way: "expression", expression: 'tag == "v1"' }, 'tag == "v1"', 'tag == "v1"'],
    [{ way: "expression", expression: "" }, true, "every event"],
    [{ way: "expression", expression: '{"actor":"ci"}' }, { actor: "ci" }, '{"actor":"ci"}'],
  ];

  it.each(ways)("%j is this filter, and is read from it", (part, filter, words) => {
    const events = { ...EVERY_PUSH, ...part };
    expect(filterOfEvents(events)).toEqual(filter);
    expect(filterOfEvents(eventsOf(filter))).toEqual(filter);
    expect(eventsOf(filter).way).toBe(part.way);
    expect(wordsOfEvents(filter)).toBe(words);
  });

  it("what no way of the form makes is an expression, and stays what it was", () => {
    const others: Filter[] = [
      { tag: { matches: "v.*", not: "v1" } },
      { tag: "v1" },
      { tag: ["v 1"] },
      { tag: [] },
      { tag: { startsWith: "v" } },
      { repository: { glob: "team/*" }, tag: "v1" },
      { repository: "team/app" },
      { type: "DeleteImage" },
      { repository: "a", tag: "v1", type: "DeleteImageTag" },
      {},
      "false",
    ];
    for (const filter of others) {
      expect(eventsOf(filter).way).toBe("expression");
      expect(filterOfEvents(eventsOf(filter))).toEqual(filter);
    }
    expect(filterOfEvents(eventsOf(null))).toBe(true);
    expect(filterOfEvents(eventsOf(false))).toBe("false");
  });

  it("a way that lacks what it needs is no filter yet", () => {
    for (const way of ["pair", "pattern", "list"] as const)
      expect(filterOfEvents({ ...EVERY_PUSH, way, tags: " , " })).toBeUndefined();
    expect(filterOfEvents({ ...EVERY_PUSH, way: "pair", tag: "v1" })).toBeUndefined();
  });
});

describe("a definition", () => {
  const whole: Definition = {
    name: "redeploy",
    cloud_id: "own",
    filter: { type: "CreateImageTag" },
    batch: { size: 25, cutoff: "1s", bytes: "64KiB" },
    target: {
      http: {
        url: "https://deploy.example.com/hook",
        format: "cloudevents",
        headers: { "X-Own": HIDDEN },
        auth: { basic: HIDDEN },
        signing_secret: HIDDEN,
        timeout: 2.5,
      },
    },
    retry: { attempts: 5, interval: "10s", ttl: "1h" },
    dead_letter: false,
    service_account: "deployer",
    enabled: false,
  };

  it("that is read and sent back is the same", () => {
    expect(definitionOf(draftOf(whole))).toEqual(whole);
    const feed = { ...whole, target: { feed: "releases" }, batch: {}, retry: {} };
    expect(definitionOf(draftOf(feed))).toEqual(feed);
  });

  it("begins in the cloud that there is, or leaves it to the gateway", () => {
    expect(definitionOf(draftOf(undefined, "c1"))).toMatchObject({ cloud_id: "c1" });
    expect(definitionOf(draftOf())).not.toHaveProperty("cloud_id");
  });

  it("has of a new one what was written, and numbers as numbers", () => {
    const draft: Draft = {
      ...draftOf(),
      name: "n",
      events: EVERY_PUSH,
      url: " https://e.example.com ",
      cutoff: "0",
      size: "many",
      headers: [
        { name: "", value: "" },
        { name: "X-A ", value: "b" },
      ],
      signing: "new",
      auth: "bearer",
      authSecret: "t",
    };
    expect(definitionOf(draft)).toEqual({
      name: "n",
      filter: { type: "CreateImageTag" },
      batch: { size: "many", cutoff: 0 },
      target: {
        http: {
          url: "https://e.example.com",
          format: "tagcast",
          headers: { "X-A": "b" },
          auth: { bearer: "t" },
          signing_secret: "new",
        },
      },
      retry: {},
      dead_letter: true,
      enabled: true,
    });
  });

  it("of a format that sends one event has no size", () => {
    expect(definitionOf({ ...draftOf(whole), format: "alibaba" }).batch).toEqual({
      cutoff: "1s",
      bytes: "64KiB",
    });
  });

  it("that is wrong is wrong at the nearest field", () => {
    const fields = ["/name", "/filter", "/target/http/headers", "/target/http/url"];
    expect(fieldOf("/target/http/headers/X-Own", fields)).toBe("/target/http/headers");
    expect(fieldOf("/filter/tag/matches", fields)).toBe("/filter");
    expect(fieldOf("/names", fields)).toBeUndefined();
    expect(fieldOf("", fields)).toBeUndefined();
  });
});

describe("the log's rows", () => {
  const rows = (...ids: string[]): LogRow[] =>
    ids.map((event_id) => ({ event_id, type: "", registry: "", repository: "", outcome: "triggered" }));
  const ids = (page: { rows: LogRow[] }) => page.rows.map(({ event_id }) => event_id);

  it("get newer ones on top, and older ones that were fetched stay", () => {
    const known = { rows: rows("5", "4", "3", "2"), next: "2" };
    expect(withNewest(undefined, known)).toBe(known);
    const joined = withNewest(known, { rows: rows("7", "6", "5", "4"), next: "4" });
    expect(ids(joined)).toEqual(["7", "6", "5", "4", "3", "2"]);
    expect(joined.next).toBe("2");
  });

  it("begin anew where rows between were never seen", () => {
    const newest = { rows: rows("9", "8"), next: "8" };
    expect(withNewest({ rows: rows("5", "4") }, newest)).toBe(newest);
  });

  it("stay where the newest events bring none", () => {
    const known = { rows: rows("5"), next: "5" };
    expect(withNewest(known, { rows: [], next: "99" })).toBe(known);
    const furtherBack = { rows: [], next: "5" };
    expect(withNewest(furtherBack, { rows: [], next: "99" })).toBe(furtherBack);
  });
});
