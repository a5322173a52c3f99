import { randomBytes } from "node:crypto";

/** One frame of RFC 6455. */
export interface Frame {
  final: boolean;
  opcode: number;
  payload: Buffer;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The bytes of a client's frame, which is always masked. */
export function encode(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const head = [0x80 | opcode];
  if (payload.length < 126) head.push(0x80 | payload.length);
  else if (payload.length < 0x10000) head.push(0x80 | 126, payload.length >> 8, payload.length & 0xff);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(payload.length));
    head.push(0x80 | 127, ...length);
  }
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] = (masked[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return Buffer.concat([Buffer.from(head), mask, masked]);
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #parts: Buffer[] = [];
  #length = 0;

  /** Takes what has come, and gives the frames that are whole. */
  push(bytes: Buffer): Frame[] {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    if (this.#length < 2) return undefined;
    const head = this.#peek(Math.min(10, this.#length));
    const short = (head[1] ?? 0) & 0x7f;
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (head.length < 2 + extra) return undefined;
    const size = extra === 2 ? head.readUInt16BE(2) : extra === 8 ? Number(head.readBigUInt64BE(2)) : short;
    if (this.#length < 2 + extra + size) return undefined;
    const payload = this.#take(2 + extra + size).subarray(2 + extra);
    return { final: ((head[0] ?? 0) & 0x80) !== 0, opcode: (head[0] ?? 0) & 0x0f, payload };
  }

  #peek(count: number): Buffer {
    if ((this.#parts[0]?.length ?? 0) < count) this.#parts = [Buffer.concat(this.#parts)];
    return (this.#parts[0] ?? Buffer.alloc(0)).subarray(0, count);
  }

  #take(count: number): Buffer {
    const taken = this.#peek(count);
    const rest = this.#parts[0]?.subarray(count);
    if (rest && rest.length > 0) this.#parts[0] = rest;
    else this.#parts.shift();
    this.#length -= count;
    return taken;
  }
}
