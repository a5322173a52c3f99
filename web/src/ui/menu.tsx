import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** A button that opens a small panel; Escape and a click elsewhere close it. */
export function Menu({
  label,
  children,
}: {
  label: ComponentChildren;
  children: (close: () => void) => ComponentChildren;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => setOpen(false);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (press: Event) => {
      if (!root.current?.contains(press.target as Node)) close();
    };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const keys = (key: KeyboardEvent) => {
    if (key.key !== "Escape" || !open) return;
    key.stopPropagation();
    close();
    button.current?.focus();
  };
  return (
    <div class="menu" ref={root} onKeyDown={keys}>
      <button
        ref={button}
        type="button"
        class="plain small"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {label} <span class="caret" aria-hidden="true" />
      </button>
      {open && <div class="menu-panel">{children(close)}</div>}
    </div>
  );
}
