import { useContext } from "preact/hooks";

import type { Draft } from "../../lib/trigger_draft.js";
import { FormFault } from "../../ui/field.js";

/** Fields at which a fault of the definition can be shown. */
export const FIELDS = [
  "/name",
  "/filter",
  "/target/feed",
  "/target/http/url",
  "/target/http/format",
  "/target/http/headers",
  "/target/http/auth",
  "/target/http/signing_secret",
  "/target/http/timeout",
  "/batch/size",
  "/batch/cutoff",
  "/batch/bytes",
  "/retry/attempts",
  "/retry/interval",
  "/retry/ttl",
  "/cloud_id",
  "/service_account",
] as const;

/** What the parts of the form are given. */
export interface Part {
  draft: Draft;
  /** As it was when the form was opened. */
  known: Draft;
  set: (part: Partial<Draft>) => void;
}

/** What is wrong with a group of fields. */
export function GroupFault({ pointer }: { pointer: (typeof FIELDS)[number] }) {
  const fault = useContext(FormFault);
  if (fault?.field !== pointer) return null;
  return (
    <p class="bad" role="alert">
      {fault.message}
    </p>
  );
}
