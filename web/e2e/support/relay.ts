import { createServer, connect, type Server, type Socket } from "node:net";

/** What lies between a browser and the gateway, and may go silent: nobody is told, and nothing gets through. */
export class Relay {
  #silent = false;
  readonly #open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    /** `http://127.0.0.1:PORT` */
    readonly url: string,
  ) {}

  /** One in front of a gateway's address. */
  static async start(gateway: string): Promise<Relay> {
    const { port } = new URL(gateway);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = server.address();
    const relay = new Relay(server, `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
    server.on("connection", (client) => relay.#join(client, connect(Number(port), "127.0.0.1")));
    return relay;
  }

  /** From now on what is open, and what is opened, is dead. */
  silence(): void {
    this.#silent = true;
  }

  /** What is opened from now on gets through. */
  heal(): void {
    this.#silent = false;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((closed) => this.server.close(closed));
  }

  #join(client: Socket, gateway: Socket): void {
    let dead = false;
    for (const [from, to] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      this.#open.add(from);
      from.on("data", (bytes) => {
        dead ||= this.#silent;
        if (!dead) to.write(bytes);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#open.delete(from);
        if (!dead) to.destroy();
      });
    }
  }
}
