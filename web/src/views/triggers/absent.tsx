import type { ApiError } from "../../lib/api.js";
import { Trouble } from "../../ui/failure.js";

/** Why one trigger can't be shown. */
export function Absent({ error, again }: { error: ApiError; again: () => void }) {
  const gone = error.status === 404;
  return (
    <Trouble
      error={error}
      what="This trigger can’t be shown."
      again={again}
      {...(gone && { why: "There is none of this name." })}
    />
  );
}
