import { count } from "./format.js";
import type { Answer, Delivery, State, Trigger } from "./triggers.js";

export const STATUS_WORDS: Record<State["status"], string> = {
  running: "active",
  retrying: "failing",
  paused: "paused",
  disabled: "disabled",
};

/** The look of a state, as sources have it. */
export const STATUS_LOOKS: Record<State["status"], string> = {
  running: "ok",
  retrying: "warming",
  paused: "silent",
  disabled: "failing",
};

export const OUTCOME_WORDS: Record<Delivery["outcome"], string> = {
  delivered: "delivered",
  retrying: "will be tried again",
  dead_letter: "given up, a dead letter",
  dropped: "given up",
};

const FAILURES: Record<string, string> = {
  target_name: "its name can’t be resolved",
  target_blocked: "its address may not be called",
  target_connect: "no connection",
  target_certificate: "TLS failed",
  target_timeout: "no answer in time",
  target_broken: "the connection broke",
  target_handshake: "it did not give its consent",
  gap: "events are missing",
};

/** A status, or why there was none. */
export function wordsOfAnswer({ status, failure }: Answer): string {
  if (failure) return FAILURES[failure] ?? failure;
  return status === undefined ? "no answer" : `HTTP ${status}`;
}

export function wordsOfTarget({ target }: Pick<Trigger, "target">): string {
  return "http" in target ? target.http.url : `feed ${target.feed}`;
}

export function eventsInWords(number: number): string {
  return number === 1 ? "1 event" : `${count(number)} events`;
}

export function times(attempts: number): string {
  return attempts === 1 ? "1 attempt" : `${attempts} attempts`;
}
