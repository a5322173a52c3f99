// An HTTP endpoint that keeps what it was sent, and answers as it is told.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export class Receiver {
  readonly received: Received[] = [];
  /** What it says from now on. */
  answer: { status: number; body: string } = { status: 200, body: "taken" };
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (part: Buffer) => (body += part.toString()));
      request.on("end", () => {
        this.received.push({ headers: request.headers, body });
        response.writeHead(this.answer.status).end(this.answer.body);
      });
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((listening) => receiver.#server.listen(0, "127.0.0.1", listening));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** Settings with which a gateway may call it. */
export const LOCAL_TARGETS = '[targets]\nallow_networks = ["127.0.0.0/8"]\n';
