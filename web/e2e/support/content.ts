// Something to look at: what a week in a small company's registry leaves behind.
import type { Gateway, Push } from "../../testing/gateway.js";

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
