import { useEffect, useRef, useState } from "preact/hooks";

import { signIn, token, tokenWanted } from "../state/session.js";

/** Asks for a reader's token where the gateway wants one. */
export function TokenDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const wanted = tokenWanted.value;
  useEffect(() => {
    if (wanted) dialog.current?.showModal();
    else dialog.current?.close();
  }, [wanted]);
  const send = (submit: Event) => {
    submit.preventDefault();
    if (text.trim()) signIn(text.trim());
  };
  return (
    <dialog ref={dialog} aria-labelledby="token-title" onCancel={() => (tokenWanted.value = false)}>
      <form onSubmit={send}>
        <h2 id="token-title">A token is needed</h2>
        <p>
          {wanted === "another"
            ? "Enter the token of an operator: a reader with admin = true. It is kept for this tab alone."
            : token.value
              ? "The gateway does not know the token that was given."
              : "This gateway has readers. Enter the token of one of them; it is kept for this tab alone."}
        </p>
        <label>
          Token
          <input
            type="password"
            autocomplete="current-password"
            value={text}
            onInput={(input) => setText(input.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="button" class="plain" onClick={() => (tokenWanted.value = false)}>
            Not now
          </button>
          <button class="primary">Sign in</button>
        </div>
      </form>
    </dialog>
  );
}
