import { useState } from "preact/hooks";

import type { ApiError } from "../lib/api.js";
import { asApiError } from "./load.js";

/** Something that the reader wants done, and what went wrong with it. */
export function useAct(): { act: (what: () => Promise<unknown>) => void; busy: boolean; error?: ApiError } {
  const [state, setState] = useState<{ busy: boolean; error?: ApiError }>({ busy: false });
  const act = (what: () => Promise<unknown>) => {
    setState({ busy: true });
    what().then(
      () => setState({ busy: false }),
      (error: unknown) => setState({ busy: false, error: asApiError(error) }),
    );
  };
  return { act, ...state };
}
