import type { ComponentChildren } from "preact";

import type { Place } from "../lib/url.js";
import { go, href } from "../state/place.js";

/** A link within the page: a real one, so that it can be opened elsewhere and copied. */
export function Link({
  to,
  current = false,
  children,
  ...rest
}: {
  to: Partial<Place>;
  current?: boolean;
  class?: string;
  title?: string;
  children: ComponentChildren;
}) {
  const follow = (click: MouseEvent) => {
    if (click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey) return;
    click.preventDefault();
    go(to);
  };
  return (
    <a {...rest} href={href(to)} onClick={follow} {...(current ? { "aria-current": "page" as const } : {})}>
      {children}
    </a>
  );
}
