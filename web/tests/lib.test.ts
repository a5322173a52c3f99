// The dashboard's logic, without a page.
import { describe, expect, it } from "vitest";

import { Facets } from "../src/lib/facets.js";
import { utf16Range, withCondition } from "../src/lib/filter_text.js";
import { bytes, seconds, shortDigest } from "../src/lib/format.js";
import { between, quantile } from "../src/lib/histogram.js";
import { Meter } from "../src/lib/meter.js";
import { append, countEvents, neighbours, wordsOf, type Row } from "../src/lib/rows.js";
import { relative } from "../src/lib/time.js";
import { read, write } from "../src/lib/url.js";
import { event, id } from "./event.js";

describe("lines", () => {
  const end = event(7, { type: "DeleteImageTag", tag: "latest", digest: "sha256:aa" });
  const beginning = event(8, { type: "CreateImageTag", tag: "latest", digest: "sha256:bb" });

  it("a tag's end and its new image, neighbours in the log, are one", () => {
    const rows: Row[] = [];
    append(rows, [end]);
    append(rows, [beginning]);
    expect(rows).toEqual([{ kind: "event", event: beginning, from: end }]);
    expect(rows[0]?.kind === "event" && wordsOf(rows[0])).toBe("tag moved");
    expect(countEvents(rows)).toBe(2);
  });

  it("another tag, another repository, or an event in between is no move", () => {
    const others = [
      event(8, { type: "CreateImageTag", tag: "v1" }),
      event(8, { type: "CreateImageTag", tag: "latest", repository: "team/other" }),
      event(9, { type: "CreateImageTag", tag: "latest" }),
      event(8, { type: "DeleteImageTag", tag: "latest" }),
    ];
    for (const other of others) {
      const rows: Row[] = [];
      append(rows, [end, other]);
      expect(rows).toHaveLength(2);
    }
  });

  it("ids are neighbours where the offset grows by one, over any digit", () => {
    for (const offset of [0, 31, 32 ** 8 - 1, 32 ** 9 + 5]) {
      expect(neighbours(id(offset), id(offset + 1))).toBe(true);
      expect(neighbours(id(offset), id(offset + 2))).toBe(false);
    }
  });

  it("a type that this page does not know is shown as it is", () => {
    expect(wordsOf({ kind: "event", event: event(1, { type: "SignImage" }) })).toBe("SignImage");
  });
});

describe("counts", () => {
  it("give the most frequent values, and forget what is gone", () => {
    const facets = new Facets();
    const events = ["a", "b", "b", "c", "c", "c"].map((tag, i) => event(i, { tag }));
    for (const one of events) facets.add(one);
    expect(facets.top("tag", 2)).toEqual([
      ["c", 3],
      ["b", 2],
    ]);
    for (const one of events.slice(3)) facets.remove(one);
    expect(facets.top("tag", 5)).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
    expect(facets.size("tag")).toBe(2);
    expect(facets.top("tag", 5, "a")).toEqual([["a", 1]]);
  });
});

describe("filters", () => {
  it("take one condition more, whatever they are", () => {
    expect(withCondition("", "tag", "v1")).toBe('tag == "v1"');
    expect(withCondition("true", "tag", "v1")).toBe('tag == "v1"');
    expect(withCondition('tag == "v1"', "tag", "v1")).toBe('tag == "v1"');
    expect(withCondition("size > 1 || size < 0", "tag", 'say "hi"')).toBe(
      '(size > 1 || size < 0) && tag == "say \\"hi\\""',
    );
    expect(JSON.parse(withCondition('{"tag": "v1"}', "actor", "bob"))).toEqual({
      all: [{ tag: "v1" }, { actor: "bob" }],
    });
  });

  it("an error's code points are found in a JavaScript string", () => {
    const text = 'tag == "🦀" && tga';
    expect(utf16Range(text, 14, 3)).toEqual({ from: 15, to: 18 });
    expect(utf16Range("tag ==", 6, 0)).toEqual({ from: 5, to: 6 });
    expect(utf16Range("", 0, 1)).toEqual({ from: 0, to: 0 });
  });
});

describe("figures", () => {
  const histogram = (counts: number[]) => ({
    count: counts.at(-1) ?? 0,
    sum: 0,
    buckets: counts.map((count, i): [number, number] => [2 ** i, count]),
  });

  it("quantiles lie within their bucket; nothing has none", () => {
    expect(quantile(histogram([0, 10, 10]), 0.5)).toBe(1.5);
    expect(quantile(histogram([5, 10, 20]), 0.99)).toBeCloseTo(3.96);
    expect(quantile(histogram([0, 0]), 0.5)).toBeNull();
  });

  it("what happened between two polls is their difference, and all of it after a restart", () => {
    const [before, now] = [histogram([1, 2, 3]), histogram([1, 5, 9])];
    expect(between(before, now).buckets.map(([, count]) => count)).toEqual([0, 3, 6]);
    expect(between(now, before)).toEqual(before);
  });

  it("a meter counts by second, and forgets", () => {
    const meter = new Meter(5);
    meter.add(10_000, 4);
    meter.add(10_900, 2);
    meter.add(12_100, 6);
    expect(meter.last(13_000, 3)).toEqual([6, 0, 6]);
    expect(meter.rate(13_000, 4)).toBe(3);
    expect(meter.last(60_000, 4)).toEqual([0, 0, 0, 0]);
  });

  it("are written as one says them", () => {
    expect([0.0004, 0.0042, 0.25, 3.14, 300, 86_400 * 7].map(seconds)).toEqual([
      "400 µs",
      "4.2 ms",
      "250 ms",
      "3.1 s",
      "5 min",
      "7 days",
    ]);
    expect([0, 1023, 4711, 10 * 2 ** 30].map(bytes)).toEqual(["0 B", "1023 B", "4.6 KiB", "10.0 GiB"]);
    expect(shortDigest(`sha256:${"ab".repeat(32)}`)).toBe("sha256:abababababab");
    expect([-5, 0, 59, 61, 3600, 172_800].map((past) => relative(0, past * 1000))).toEqual([
      "now",
      "now",
      "59 s ago",
      "1 min ago",
      "1 h ago",
      "2 d ago",
    ]);
  });
});

describe("the address", () => {
  it("holds what is shown, and nothing that is as usual", () => {
    expect(write(read(""))).toBe("");
    const place = { ...read(""), filter: 'tag == "a&b=c+d"', cutoff: "1s", size: 500, event: id(7) };
    expect(read(write(place))).toEqual(place);
  });

  it("survives whatever stands in it", () => {
    expect(read("?view=none&size=1e9&cutoff=never&time=soon&other=1")).toEqual(read(""));
  });
});
