// The real gateway on a free port, with a directory of its own.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const target = resolve(import.meta.dirname, "../../target");
const built = [process.env.TAGCAST_BIN, join(target, "debug/tagcast"), join(target, "release/tagcast")];

/** Those that run; a test that fails may not come to stop its own. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Gateway {
  private constructor(
    private readonly directory: string,
    private process: ChildProcess,
    /** `http://127.0.0.1:PORT` */
    readonly url: string,
  ) {}

  /** Starts one with these settings over the defaults. */
  static async start(settings = ""): Promise<Gateway> {
    const directory = mkdtempSync(join(tmpdir(), "tagcast-web-"));
    writeFileSync(join(directory, "settings.toml"), settings);
    const { process, url } = await launch(directory, "127.0.0.1:0");
    return new Gateway(directory, process, url);
  }

  /** SIGKILL: nobody is told. */
  async kill(): Promise<void> {
    const gone = new Promise((ended) => this.process.once("exit", ended));
    this.process.kill("SIGKILL");
    await gone;
  }

  /** SIGTERM, and waits for an orderly end. */
  async terminate(): Promise<void> {
    const gone = new Promise((ended) => this.process.once("exit", ended));
    this.process.kill("SIGTERM");
    await gone;
  }

  /** Starts it again with the same directory, on the same port. */
  async startAgain(): Promise<void> {
    ({ process: this.process } = await launch(this.directory, new URL(this.url).host));
  }

  /** What storage does at its worst: the log is gone. */
  loseData(): void {
    rmSync(join(this.directory, "data"), { recursive: true });
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Sends notifications of CNCF Distribution, and gives the ids of the events made of them. */
  async push(...notifications: Push[]): Promise<string[]> {
    const answer = await fetch(`${this.url}/v1/sources/distribution/events`, {
      method: "POST",
      body: JSON.stringify({ events: notifications.map(notification) }),
    });
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { events: string[] }).events;
  }
}

/** What was pushed. `image` is a number that stands for a digest. */
export interface Push {
  repository: string;
  tag: string;
  image: number;
  actor?: string;
  host?: string;
}

/** A digest for a number. */
export function digest(image: number): string {
  return `sha256:${image.toString(16).padStart(8, "0").repeat(8)}`;
}

let sent = 0;

function notification({ repository, tag, image, actor = "ci-bot", host = "hub.example.com" }: Push): unknown {
  sent += 1;
  return {
    id: `${process.pid}-${Date.now()}-${sent}`,
    timestamp: new Date().toISOString(),
    action: "push",
    target: {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: 418,
      digest: digest(image),
      repository,
      tag,
      url: `http://${host}/v2/${repository}/manifests/${digest(image)}`,
    },
    request: { id: `r${sent}`, host, method: "PUT" },
    actor: { name: actor },
  };
}

async function launch(directory: string, listen: string): Promise<{ process: ChildProcess; url: string }> {
  const program = built.find((path) => path && existsSync(path));
  if (!program) throw new Error("no gateway to test with: cargo build first, or set TAGCAST_BIN");
  const child = spawn(
    program,
    [
      "serve",
      "--listen",
      listen,
      "--data-dir",
      join(directory, "data"),
      "--config",
      join(directory, "settings.toml"),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  running.add(child);
  child.once("exit", () => running.delete(child));
  let complaints = "";
  child.stderr.on("data", (text: Buffer) => (complaints += text.toString()));
  const url = await new Promise<string>((found, failed) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = /listening on (http\S+)/.exec(line);
      if (told?.[1]) found(told[1]);
    });
    child.once("exit", () => failed(new Error(`the gateway ended: ${complaints}`)));
  });
  return { process: child, url };
}
