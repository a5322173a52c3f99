import { TagcastError, type ErrorBody } from "./messages.js";
import { passes } from "./closing.js";

/** How long the gateway may take to say why. */
const TIMEOUT = 5_000;

/**
 * Why a handshake was refused. A browser hides that, so a plain request with the same token asks again.
 * `undefined`: nobody knows, or it passes by itself.
 */
export async function whyRefused(base: string, token: string | undefined): Promise<TagcastError | undefined> {
  try {
    const answer = await fetch(`${base}/v1/filters/check`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      body: '{"filter":true,"sample":0}',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (answer.status !== 401 && answer.status !== 403) return undefined;
    const { error } = (await answer.json()) as { error: ErrorBody };
    return passes(error.code) ? undefined : new TagcastError(error.code, error.message, error.details);
  } catch {
    // Not reachable, or nothing that speaks for a gateway.
    return undefined;
  }
}
