import { useEffect, useState } from "preact/hooks";

import { ApiError } from "../lib/api.js";
import { token } from "./session.js";

/** What a view asked for. */
export interface Loaded<T> {
  value?: T;
  error?: ApiError;
  /** Asks again. */
  again: () => void;
}

/** Asks when `key` or the token changes, and every `every` ms while the page is looked at. */
export function useLoad<T>(key: string, ask: () => Promise<T>, every = 0): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: ApiError }>({ key });
  const [round, setRound] = useState(0);
  const shown = token.value;
  useEffect(() => {
    let gone = false;
    let asking = false;
    const run = () => {
      // What is not answered yet need not be asked for once more.
      if (asking) return;
      asking = true;
      ask()
        .then(
          (value) => !gone && setState({ key, value }),
          (error: unknown) => !gone && setState((before) => ({ ...before, key, error: asApiError(error) })),
        )
        .finally(() => (asking = false));
    };
    run();
    const timer = every > 0 ? setInterval(() => document.hidden || run(), every) : undefined;
    return () => {
      gone = true;
      clearInterval(timer);
    };
    // `ask` is made anew on each rendering; `key` says when it asks for something else.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, every, round, shown]);
  const { value, error } = state.key === key ? state : {};
  return {
    ...(value === undefined ? {} : { value }),
    ...(error ? { error } : {}),
    again: () => setRound((n) => n + 1),
  };
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, "unexpected", String(error));
}
