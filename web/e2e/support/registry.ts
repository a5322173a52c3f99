// Debian's docker-registry on a free port, posting to a gateway; and the least of a client that pushes.
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { freePort } from "./port.js";

const START_TIMEOUT = 20_000;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export class Registry {
  private constructor(
    /** Host and port. */
    readonly host: string,
    private readonly directory: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(gateway: string): Promise<Registry> {
    const directory = mkdtempSync(join(tmpdir(), "tagcast-registry-"));
    const host = `127.0.0.1:${await freePort()}`;
    writeFileSync(join(directory, "config.yml"), configuration(host, directory, gateway));
    const process = spawn("docker-registry", ["serve", join(directory, "config.yml")], { stdio: "ignore" });
    const registry = new Registry(host, directory, process);
    const deadline = Date.now() + START_TIMEOUT;
    while (!(await fetch(`http://${host}/v2/`).catch(() => undefined))?.ok) {
      if (Date.now() > deadline || process.exitCode !== null)
        throw new Error("docker-registry did not start");
      await pause(50);
    }
    return registry;
  }

  stop(): void {
    this.process.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Pushes an image that consists of `content`, and gives its digest. */
  async push(repository: string, tag: string, content: string): Promise<string> {
    const config = await this.#blob(
      repository,
      JSON.stringify({ architecture: "amd64", os: "linux", comment: content }),
    );
    const layer = await this.#blob(repository, content);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }],
    });
    const answer = await fetch(`http://${this.host}/v2/${repository}/manifests/${tag}`, {
      method: "PUT",
      headers: { "Content-Type": MANIFEST },
      body: manifest,
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return digestOf(manifest);
  }

  async #blob(repository: string, content: string): Promise<{ digest: string; size: number }> {
    const digest = digestOf(content);
    const begun = await fetch(`http://${this.host}/v2/${repository}/blobs/uploads/`, { method: "POST" });
    const target = new URL(begun.headers.get("location") ?? "", `http://${this.host}`);
    target.searchParams.set("digest", digest);
    const answer = await fetch(target, {
      method: "PUT",
      headers: { "Content-Type": "application/octet-stream" },
      body: content,
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return { digest, size: Buffer.byteLength(content) };
  }
}

function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function configuration(host: string, directory: string, gateway: string): string {
  return `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${join(directory, "storage")} } }
http: { addr: "${host}" }
notifications:
  endpoints:
    - name: tagcast
      url: ${gateway}/v1/sources/distribution/events
      timeout: 1s
      threshold: 5
      backoff: 1s
`;
}
