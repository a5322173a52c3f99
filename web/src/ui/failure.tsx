import type { ApiError } from "../lib/api.js";

const ABSENT = "This gateway does not have this yet: it is older than its dashboard.";

/** Why something can't be shown. */
export function Failure({ error, what, again }: { error: ApiError; what: string; again?: () => void }) {
  const why =
    error.status === 404 && error.code === "not_found"
      ? ABSENT
      : error.status === 403
        ? "This needs the token of an operator: a reader with admin = true."
        : error.message;
  return (
    <div class="notice notice-bad" role="alert">
      <p>
        <strong>{what} can’t be shown.</strong> {why}
      </p>
      {again && (
        <button type="button" class="small" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
