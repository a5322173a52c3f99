import { lazy, Suspense } from "preact/compat";

import { AFRESH, VIEWS, type View } from "./lib/url.js";
import { place } from "./state/place.js";
import { announcement } from "./state/session.js";
import { ConnectionState } from "./ui/connection_state.js";
import { Link } from "./ui/link.js";
import { TimeToggle, ThemeToggle } from "./ui/toggles.js";
import { TokenDialog } from "./ui/token_dialog.js";
import { Live } from "./views/live.js";
import { Repositories } from "./views/repositories.js";
import { Sources } from "./views/sources.js";
import { System } from "./views/system.js";

const Activity = lazy(() => import("./views/activity.js").then(({ Activity }) => Activity));
const Triggers = lazy(() => import("./views/triggers.js").then(({ Triggers }) => Triggers));

const TITLES: Record<View, string> = {
  live: "Live",
  repositories: "Repositories",
  sources: "Sources",
  triggers: "Triggers",
  activity: "Activity",
  system: "System",
};

/** The frame around every view. */
export function App() {
  const { view } = place.value;
  document.title = `${TITLES[view]} · Tagcast`;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <Link class="brand" to={{ view: "live" }}>
          <Mark />
          Tagcast
        </Link>
        <nav aria-label="Views">
          {VIEWS.map((name) => (
            <Link key={name} to={{ ...AFRESH, view: name }} current={name === view}>
              {TITLES[name]}
            </Link>
          ))}
        </nav>
        <div class="top-tools">
          <ConnectionState />
          <TimeToggle />
          <ThemeToggle />
        </div>
      </header>
      <main id="main" class={`view view-${view}`} tabIndex={-1}>
        <h1 class="unseen">{TITLES[view]}</h1>
        <Shown view={view} />
      </main>
      <div class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </div>
      <TokenDialog />
    </>
  );
}

function Shown({ view }: { view: View }) {
  switch (view) {
    case "live":
      return <Live />;
    case "repositories":
      return <Repositories />;
    case "sources":
      return <Sources />;
    case "triggers":
      return (
        <Suspense fallback={<p class="quiet">Loading …</p>}>
          <Triggers />
        </Suspense>
      );
    case "activity":
      return (
        <Suspense fallback={<p class="quiet">Loading the charts …</p>}>
          <Activity />
        </Suspense>
      );
    case "system":
      return <System />;
  }
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path
        fill="currentColor"
        d="M4 6a3 3 0 0 1 3-3h9.2a3 3 0 0 1 2.1.9l10 10a3 3 0 0 1 0 4.200l-8.700 8.700a3 3 0 0 1-4.200 0l-10.500-10A3 3 0 0 1 4 14.700z"
      />
      <circle cx="11" cy="10" r="2.4" fill="var(--page)" />
    </svg>
  );
}
