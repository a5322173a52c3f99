import { describe, expect, it } from "vitest";

import { pause } from "../src/backoff.js";
import { mayPass, verdict } from "../src/closing.js";
import { shortType, type TagcastEvent } from "../src/index.js";
import { encode, FrameReader, OPCODE } from "../src/node/frames.js";
import { protocols } from "../src/socket.js";

describe("backoff", () => {
  it("doubles its bound from 1 s to 30 s", () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => pause(failures, 1));
    expect(bounds).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("spreads over all of it", () => {
    expect(pause(4, 0)).toBe(0);
    expect(pause(4, 0.5)).toBe(4_000);
  });
});

describe("close codes", () => {
  it.each([1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 4000, 4001, 4002, 4399])("%i: resume", (code) => {
    expect(verdict(code)).toEqual({ then: "resume", atLeast: 0 });
  });
  it.each([1002, 1003, 1007, 1009, 4400, 4401, 4403, 4409, 4410, 4431, 4499])("%i: stop", (code) => {
    expect(verdict(code)).toEqual({ then: "stop" });
  });
  it("4003, 4004: at once; 4429: after half a minute", () => {
    expect(verdict(4003)).toEqual({ then: "resume", atLeast: 0, atOnce: true });
    expect(verdict(4004)).toEqual({ then: "resume", atLeast: 0, atOnce: true });
    expect(verdict(4429)).toEqual({ then: "resume", atLeast: 30_000 });
  });
});

describe("answers in place of what was asked for", () => {
  it.each([200, 204, 302, 303, 307, 404, 408, 421, 425, 429, 500, 502, 503, 530])(
    "%i of a proxy: passes",
    (status) => {
      expect(mayPass(status, undefined)).toBe(true);
    },
  );
  it.each([301, 308, 400, 401, 403, 405, 410, 431])("%i of a proxy: stays", (status) => {
    expect(mayPass(status, undefined)).toBe(false);
  });
  it("of the gateway pass by their code, or else their status", () => {
    expect(mayPass(404, "not_found")).toBe(false);
    expect(mayPass(429, "handshake_rate")).toBe(true);
    expect(mayPass(503, "of_tomorrow")).toBe(true);
    expect(mayPass(409, "of_tomorrow")).toBe(false);
  });
});

describe("subprotocols", () => {
  it("carry a token as base64url, also beyond ASCII", () => {
    expect(protocols(undefined)).toEqual(["tagcast.v1.json"]);
    expect(protocols("0123456789abcdef0123456789abcdef")[1]).toBe(
      "bearer.MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
    );
    expect(protocols("~~~???ü")[1]).toBe("bearer.fn5-Pz8_w7w");
  });
});

describe("types", () => {
  it("are short behind any prefix", () => {
    const event = (event_type: string) => ({ event_metadata: { event_type } }) as TagcastEvent;
    expect(shortType(event("yandex.cloud.events.containerregistry.CreateImageTag"))).toBe("CreateImageTag");
    expect(shortType(event("DeleteImage"))).toBe("DeleteImage");
  });
});

describe("frames", () => {
  // A server's frame is not masked; ours is, so unmask what we encode to read it back.
  const unmasked = (frame: Buffer): Buffer => {
    const length = (frame[1] ?? 0) & 0x7f;
    const head = 2 + (length === 126 ? 2 : length === 127 ? 8 : 0);
    const mask = frame.subarray(head, head + 4);
    const payload = Buffer.from(frame.subarray(head + 4)).map((byte, i) => byte ^ (mask[i & 3] ?? 0));
    const start = Buffer.from(frame.subarray(0, head));
    start[1] = (start[1] ?? 0) & 0x7f;
    return Buffer.concat([start, payload]);
  };

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])(
    "of %i bytes come back however they are cut",
    (size) => {
      const payload = Buffer.alloc(size, "abcdefg");
      const bytes = Buffer.concat([
        unmasked(encode(OPCODE.text, payload)),
        unmasked(encode(OPCODE.ping, Buffer.from("x"))),
      ]);
      for (const step of [1, 3, 1000, bytes.length]) {
        if (step === 1 && size > 1000) continue;
        const reader = new FrameReader();
        const frames = [];
        for (let at = 0; at < bytes.length; at += step)
          frames.push(...reader.push(bytes.subarray(at, at + step)));
        expect(frames.map((frame) => frame.opcode)).toEqual([OPCODE.text, OPCODE.ping]);
        expect(frames[0]?.payload.equals(payload)).toBe(true);
        expect(frames[1]?.payload.toString()).toBe("x");
      }
    },
  );
});
