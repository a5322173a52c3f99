import type { ApiError } from "../lib/api.js";
import { tokenWanted } from "../state/session.js";
import { Name } from "./name.js";

const ABSENT = "This gateway does not have this yet: it is older than its dashboard.";
const FORBIDDEN = "This needs the token of an operator: a reader with admin = true.";

/** Why something can't be shown. */
export function Failure({ error, what, again }: { error: ApiError; what: string; again?: () => void }) {
  const absent = error.status === 404 && error.code === "not_found";
  return (
    <Trouble error={error} what={`${what} can’t be shown.`} again={again} {...(absent && { why: ABSENT })} />
  );
}

interface Props {
  error: ApiError;
  /** What is not as it was wanted. */
  what: string;
  why?: string;
  again?: (() => void) | undefined;
}

/** What failed and why, and what may help. */
export function Trouble({ error, what, why, again }: Props) {
  const forbidden = error.status === 403;
  return (
    <div class="notice notice-bad" role="alert">
      <p>
        <strong>{what}</strong> <Name>{why ?? (forbidden ? FORBIDDEN : error.message)}</Name>
      </p>
      {forbidden && (
        <button type="button" class="small" onClick={() => (tokenWanted.value = "another")}>
          Enter another token
        </button>
      )}
      {again && !forbidden && (
        <button type="button" class="small" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
