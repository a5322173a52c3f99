// Something to look at: what a week in a small company's registry leaves behind.
import { setTimeout as pause } from "node:timers/promises";

import type { Gateway, Push } from "../../testing/gateway.js";
import type { Receiver } from "./receiver.js";

const REPOSITORIES = [
  "team/app",
  "team/app-worker",
  "platform/base-images/debian-slim-with-a-long-name",
  "tools/lint",
];
const PEOPLE = ["ci-bot", "alice", "bob", "renovate"];

/** Pushes a few dozen images, and gives the id of a tag that moved. */
export async function fill(gateway: Gateway): Promise<string> {
  const pushes: Push[] = [];
  for (let i = 0; i < 60; i++) {
    const repository = REPOSITORIES[i % REPOSITORIES.length] ?? "";
    const tag = i % 3 === 0 ? "latest" : `v1.${i}.0`;
    pushes.push({
      repository,
      tag,
      image: (0x9e3779b1 * (i + 1)) % 0xffffffff,
      actor: PEOPLE[(i * 7) % 4] ?? "",
    });
  }
  await gateway.push(...pushes);
  const moved = await gateway.push({
    repository: "team/app",
    tag: "latest",
    image: 0x51ed270b,
    actor: "alice",
  });
  await fetch(`${gateway.url}/v1/sources/harbor/events`, { method: "POST", body: '{"type":"unreadable"}' });
  return moved.at(-1) ?? "";
}

/** Makes a trigger for every push that calls `url` at once, but for what `definition` says. */
export async function putTrigger(
  gateway: Gateway,
  name: string,
  url: string,
  definition: Record<string, unknown> = {},
): Promise<void> {
  const answer = await fetch(`${gateway.url}/v1/triggers/${name}`, {
    method: "PUT",
    body: JSON.stringify({
      filter: { type: "CreateImageTag" },
      batch: { cutoff: 0 },
      target: { http: { url } },
      retry: { interval: "1s" },
      ...definition,
    }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

/** Makes triggers of every state: `redeploy` delivers, `inventory` has dead letters. */
export async function fillTriggers(gateway: Gateway, well: Receiver, refusing: Receiver): Promise<void> {
  refusing.answer = {
    status: 422,
    body: '{"error":"no project has such an image, ask its owner to make one"}',
  };
  const tag = { matches: "v1\\..*" };
  await putTrigger(gateway, "redeploy", well.url, {
    filter: { repository: "team/app", tag, type: "CreateImageTag" },
  });
  await putTrigger(gateway, "inventory", `${refusing.url}/with/a/long/path/and?a=query`);
  await putTrigger(gateway, "releases", "", { target: { feed: "releases" } });
  await putTrigger(gateway, "stopped", well.url, {
    filter: 'repository.startsWith("platform/") && !tag.endsWith(".sig") && actor != "renovate"',
    enabled: false,
  });
  // Nobody listens at this port.
  await putTrigger(gateway, "unreachable", "http://127.0.0.1:1025/hook", { retry: { interval: "1h" } });
  await gateway.push({ repository: "team/app", tag: "v1.99.0", image: 0x1f2e3d4c });
  await gateway.push({ repository: "tools/lint", tag: "v1.99.0", image: 0x1f2e3d4d });
  const state = async (name: string) => {
    const answer = await fetch(`${gateway.url}/v1/triggers/${name}`);
    return ((await answer.json()) as { state: { delivered: number; dead_letters: number; failures: number } })
      .state;
  };
  for (;;) {
    const [redeploy, inventory, unreachable] = await Promise.all(
      ["redeploy", "inventory", "unreachable"].map(state),
    );
    if (redeploy?.delivered === 1 && inventory?.dead_letters === 2 && unreachable?.failures === 1) return;
    await pause(50);
  }
}
