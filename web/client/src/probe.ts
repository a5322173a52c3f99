import { mayPass } from "./closing.js";
import { TagcastError, type ErrorBody } from "./messages.js";

/** How long the gateway may take to say why. */
const TIMEOUT = 5_000;

/** `Retry-After` is heeded up to this. */
const LONGEST_WAIT = 3_600_000;

/** Why a WebSocket could not be opened. */
export interface Refusal {
  error: TagcastError;
  /** Trying again unchanged would end the same way. */
  final: boolean;
  /** Milliseconds before the next try, at least. */
  atLeast: number;
}

/**
 * Asks why a handshake was refused. A browser hides the answer to it, so the same is asked for as a plain request, which
 * the gateway refuses for the same reasons; if there are none any more, because it is no handshake.
 *
 * @param url where the WebSocket was to be, as `http:` or `https:`
 */
export async function whyRefused(url: string, token: string | undefined): Promise<Refusal> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      redirect: "manual",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (error) {
    return (await unreadable(url)) ?? passing(...noAnswer(error));
  }
  if (answer.type === "opaqueredirect") return passing("http_redirect", `${OTHER} with a redirect`);
  const { status } = answer;
  const body: unknown = await answer.json().catch(() => undefined);
  const ours = errorIn(body);
  // All is right with what was asked for: it is the handshake that does not get through.
  if (ours?.code === "upgrade_required") return passing("no_websocket", NO_WEBSOCKET);
  const atLeast = waitOf(answer);
  if (ours) {
    const error = new TagcastError(ours.code, ours.message, ours.details);
    return { error, final: !mayPass(status, ours.code), atLeast };
  }
  const to = answer.headers.get("location");
  const error = new TagcastError(`http_${status}`, `${OTHER} with ${status}${to ? `, to ${to}` : ""}`);
  return { error, final: leadsToTls(url, to) || !mayPass(status, undefined), atLeast };
}

const OTHER = "something else than a Tagcast gateway answers";
const NO_WEBSOCKET =
  "the gateway answers, but no WebSocket gets through to it: something on the way does not let it pass";

/** A proxy that leads to TLS at the same host, by a redirect of any kind, will do so for ever. */
function leadsToTls(asked: string, to: string | null): boolean {
  if (!to?.startsWith("https://") || !URL.canParse(to)) return false;
  const { protocol, hostname } = new URL(asked);
  return protocol === "http:" && new URL(to).hostname === hostname;
}

function passing(code: string, message: string): Refusal {
  return { error: new TagcastError(code, message), final: false, atLeast: 0 };
}

function noAnswer(error: unknown): [string, string] {
  const late = error instanceof Error && error.name === "TimeoutError";
  return late ? ["timeout", "the gateway does not answer"] : ["unreachable", "the gateway can't be reached"];
}

/** Of another site a page may not read what forbids it to read: whether anyone answers is all that it can learn. */
async function unreadable(url: string): Promise<Refusal | undefined> {
  const { location } = globalThis as { location?: { origin: string } };
  if (!location || new URL(url).origin === location.origin) return undefined;
  try {
    await fetch(url, { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
  } catch {
    return undefined;
  }
  const message = `something answers, and not to pages of ${location.origin}: http.allowed_origins of the gateway lists those that may read`;
  return passing("unreadable", message);
}

/** The gateway's own error, if this is one. */
function errorIn(body: unknown): ErrorBody | undefined {
  const error = (body as { error?: Partial<ErrorBody> } | undefined)?.error;
  return typeof error?.code === "string" && typeof error.message === "string"
    ? (error as ErrorBody)
    : undefined;
}

/** Milliseconds that `Retry-After` asks for, in seconds or as any date of HTTP. */
function waitOf(answer: Response): number {
  const told = answer.headers.get("retry-after")?.trim() ?? "";
  // The date without a zone is of GMT too, and no number with a point in it is one.
  const date = () =>
    /^[A-Z][a-z]/.test(told) ? Date.parse(/ \d{4}$/.test(told) ? `${told} GMT` : told) : NaN;
  const wait = /^\d+$/.test(told) ? Number(told) * 1_000 : date() - Date.now();
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(0, wait), LONGEST_WAIT);
}
