// Names that are made to be taken for others, and commands that are made of names.
import { describe, expect, it } from "vitest";

import { hasOdd, marked, pieces, readableJson } from "../src/lib/marks.js";
import { pullCommand, shellQuoted } from "../src/lib/reference.js";
import { digest } from "../testing/gateway.js";

const ODD = [
  ["\u0000", "U+0000"],
  ["\u001b", "U+001B"],
  ["\u009b", "U+009B"],
  ["\u00ad", "U+00AD"],
  ["\u034f", "U+034F"],
  ["\u061c", "U+061C"],
  ["\u115f", "U+115F"],
  ["\u180e", "U+180E"],
  ["\u200b", "U+200B"],
  ["\u200d", "U+200D"],
  ["\u200f", "U+200F"],
  ["\u2028", "U+2028"],
  ["\u202e", "U+202E"],
  ["\u2060", "U+2060"],
  ["\u2066", "U+2066"],
  ["\u2069", "U+2069"],
  ["\u2800", "U+2800"],
  ["\u3164", "U+3164"],
  ["\ufe0f", "U+FE0F"],
  ["\ufeff", "U+FEFF"],
  ["\ud800", "U+D800"],
  ["\u{e0041}", "U+E0041"],
] as const;

describe("marks", () => {
  it.each(ODD)("%j is told by its number", (character, number) => {
    const name = `v1${character}gpj.exe`;
    expect(hasOdd(name)).toBe(true);
    expect(marked(name)).toBe(`v1[${number}]gpj.exe`);
    expect(pieces(name)).toEqual(["v1", character, "gpj.exe"]);
    const json = readableJson({ name });
    expect(hasOdd(json.replaceAll("\n", ""))).toBe(false);
    expect(JSON.parse(json)).toEqual({ name });
  });

  it("what can be seen is left as it is, in any script", () => {
    for (const name of ["team/app:v1.2_3-rc", "équipe", "команда", "שלום", "チーム", "🚀", ""]) {
      expect(hasOdd(name)).toBe(false);
      expect(marked(name)).toBe(name);
    }
  });
});

describe("a command to fetch an image", () => {
  const some = digest(7);
  it.each([
    ["hub.example.com", "team/app"],
    ["localhost", "app"],
    ["127.0.0.1:5000", "team/app_x/y__z/a--b.c"],
    ["[2001:db8::7]:5000", "a"],
    ["HUB.example.com:65535", "a"],
  ])("is there for %s and %s, as one word", (registry, repository) => {
    expect(pullCommand(registry, repository, some)).toBe(`docker pull '${registry}/${repository}@${some}'`);
  });

  it.each([
    ["", "team/app", some],
    ["hub", "team/app", some],
    ["hub.example.com;id", "team/app", some],
    ["hub.example.com ", "team/app", some],
    ["hub.example.com/x", "team/app", some],
    ["$(id).example.com", "team/app", some],
    ["-hub.example.com", "team/app", some],
    ["hub.example.com:port", "team/app", some],
    ["hub.example.com", "", some],
    ["hub.example.com", "team/app;id", some],
    ["hub.example.com", "team/$(id)", some],
    ["hub.example.com", "team/`id`", some],
    ["hub.example.com", "team/a'b", some],
    ["hub.example.com", "team/app\nid", some],
    ["hub.example.com", "team/app\n", some],
    ["hub.example.com", "Team/app", some],
    ["hub.example.com", "../app", some],
    ["hub.example.com", "/app", some],
    ["hub.example.com", "team//app", some],
    ["hub.example.com", "team/app\u202e", some],
    ["hub.example.com", "a".repeat(256), some],
    ["hub.example.com", "team/app", ""],
    ["hub.example.com", "team/app", "latest"],
    ["hub.example.com", "team/app", `${some} --privileged`],
    ["hub.example.com", "team/app", `sha256:${"g".repeat(64)}`],
    ["hub.example.com", "team/app", some.slice(0, -1)],
    ["hub.example.com", "team/app", `${some}\n`],
  ])("is none for %j, %j and %j", (registry, repository, image) => {
    expect(pullCommand(registry, repository, image)).toBeUndefined();
  });

  it("is quoted for a shell, whatever stands in a word", () => {
    expect(shellQuoted("a'b")).toBe("'a'\\''b'");
  });
});
