import { FACETS, type Facet, type Facets } from "../lib/facets.js";
import { withCondition } from "../lib/filter_text.js";
import { short } from "../lib/format.js";
import { marked } from "../lib/marks.js";
import { drawn } from "../state/feed.js";
import { go, place } from "../state/place.js";
import { Name } from "./name.js";

const SHOWN = 8;
const TITLES: Record<Facet, string> = {
  type: "Type",
  repository: "Repository",
  tag: "Tag",
  source: "Source",
  actor: "Who",
  registry: "Registry",
};

/** How often each value stands in the lines; a click adds it to the filter. */
export function FacetPanel() {
  return (
    <aside class="facets" aria-label="Counts of the events shown">
      {FACETS.map((facet) => (
        <Values key={facet} facet={facet} facets={drawn.value.list.facets} />
      ))}
    </aside>
  );
}

function Values({ facet, facets }: { facet: Facet; facets: Facets }) {
  const values = facets.top(facet, SHOWN);
  const most = values[0]?.[1] ?? 1;
  if (values.length === 0) return null;
  const more = facets.size(facet) - values.length;
  return (
    <section>
      <h2>{TITLES[facet]}</h2>
      <ul>
        {values.map(([value, count]) => (
          <li key={value}>
            <button
              type="button"
              title={`Only ${facet} ${marked(value)}`}
              onClick={() => go({ filter: withCondition(place.value.filter, facet, value), event: "" })}
            >
              <span class="facet-bar" style={{ width: `${(count / most) * 100}%` }} aria-hidden="true" />
              <Name class="facet-value">{value}</Name>
              <span class="facet-count">{short(count)}</span>
            </button>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">and {short(more)} more</p>}
    </section>
  );
}
