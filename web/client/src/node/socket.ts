import { createHash, randomBytes } from "node:crypto";
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import type { Duplex } from "node:stream";

import type { Socket } from "../socket.js";
import { encode, FrameReader, OPCODE, type Frame } from "./frames.js";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** The gateway pings after 25 s of silence; a connection that brings nothing for so long is dead. */
const SILENCE = 60_000;
const CLOSE_WAIT = 2_000;

/**
 * A WebSocket client for Node 20, which has none: text messages, no extensions, no compression.
 * Beyond that it is as strict as reading the gateway's frames asks for.
 */
export class NodeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;

  #stream: Duplex | undefined;
  #reader = new FrameReader();
  #text: Buffer[] = [];
  #closing = { code: 1006, reason: "" };
  #ended = false;

  constructor(url: string, protocols: string[]) {
    const target = new URL(url.replace(/^ws/, "http"));
    const key = randomBytes(16).toString("base64");
    const accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    const connect = target.protocol === "https:" ? overHttps : overHttp;
    const request = connect(target, {
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": protocols.join(", "),
      },
    });
    request.setTimeout(SILENCE, () => request.destroy());
    request.on("error", () => this.#end());
    request.on("response", (response) => {
      response.destroy();
      this.#end();
    });
    request.on("upgrade", (response, stream, early) => {
      if (this.#ended || response.headers["sec-websocket-accept"] !== accept) {
        stream.destroy();
        this.#end();
        return;
      }
      this.#open(stream, early);
    });
    request.end();
  }

  send(text: string): void {
    this.#stream?.write(encode(OPCODE.text, Buffer.from(text)));
  }

  close(code = 1000): void {
    if (!this.#stream) {
      this.#end();
      return;
    }
    const stream = this.#stream;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    stream.write(encode(OPCODE.close, payload));
    setTimeout(() => stream.destroy(), CLOSE_WAIT).unref();
  }

  #open(stream: Duplex & { setTimeout?: (ms: number, then: () => void) => unknown }, early: Buffer): void {
    this.#stream = stream;
    stream.setTimeout?.(SILENCE, () => stream.destroy());
    stream.on("error", () => this.onerror?.());
    stream.on("close", () => this.#end());
    stream.on("end", () => stream.destroy());
    stream.on("data", (bytes: Buffer) => this.#take(bytes));
    this.onopen?.();
    if (early.length > 0) this.#take(early);
  }

  #take(bytes: Buffer): void {
    for (const frame of this.#reader.push(bytes)) this.#obey(frame);
  }

  #obey({ opcode, payload, final }: Frame): void {
    if (opcode === OPCODE.ping) this.#stream?.write(encode(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) this.#answerClose(payload);
    else if (opcode === OPCODE.text || opcode === OPCODE.continuation) {
      this.#text.push(payload);
      if (!final) return;
      const data = Buffer.concat(this.#text).toString("utf8");
      this.#text = [];
      this.onmessage?.({ data });
    }
  }

  #answerClose(payload: Buffer): void {
    if (payload.length >= 2) {
      this.#closing = { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString("utf8") };
    } else this.#closing = { code: 1005, reason: "" };
    this.#stream?.end(encode(OPCODE.close, payload.subarray(0, 2)));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Behind the caller's own handlers, also where it fails at once.
    queueMicrotask(() => this.onclose?.(this.#closing));
  }
}
