import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

interface Props {
  /** What its button says, and goes on to say to those who can't see what it stands beside. */
  label: string;
  unseen?: string;
  title: string;
  children: ComponentChildren;
  onConfirm: () => void;
}

/** A button that asks before it does what can't be undone. */
export function Confirm({ label, unseen, title, children, onConfirm }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const close = () => dialog.current?.close();
  const confirm = () => {
    close();
    onConfirm();
  };
  return (
    <>
      <button type="button" class="plain small" onClick={() => dialog.current?.showModal()}>
        {label}
        {unseen && <span class="unseen"> {unseen}</span>}
      </button>
      <dialog ref={dialog} class="confirm" aria-labelledby={id}>
        <h2 id={id}>{title}</h2>
        <p>{children}</p>
        <div class="actions">
          <button type="button" class="plain" onClick={close}>
            Cancel
          </button>
          <button type="button" class="danger" onClick={confirm}>
            {label}
          </button>
        </div>
      </dialog>
    </>
  );
}
