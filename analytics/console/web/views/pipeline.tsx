import type { Overview } from '../api/overview.js';
import { formatAmount, formatInstant } from '../pure/format.js';
import { pipelineSteps } from '../pure/pipeline-steps.js';
import type { Tone } from '../pure/words.js';

const TONE_TEXT: Readonly<Record<Tone, string>> = { good: 'fine', warn: 'slow', bad: 'in trouble', quiet: 'unknown' };

/** The way of a fact, step by step, with how far each is behind; and whether the books agree. */
export function Pipeline({ data }: { data: Overview }) {
  return (
    <section aria-labelledby="pipeline-title">
      <div class="heading">
        <h2 id="pipeline-title" tabIndex={-1}>
          From check to report
        </h2>
        <Drift drift={data.drift} />
      </div>
      <ol class="pipeline">
        {pipelineSteps(data).map(({ name, tone, value, note }) => (
          <li key={name} class="step">
            <span class="step-name">
              <span class={`dot dot-${tone}`} aria-hidden="true" />
              {name}
              <span class="visually-hidden">: {TONE_TEXT[tone]}</span>
            </span>
            <span class="step-value">{value}</span>
            <span class="sub">{note}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Drift({ drift }: { drift: Overview['drift'] }) {
  if (drift === null) return <span class="badge badge-quiet">Books not compared</span>;
  const when =
    drift.lastRoundMs === null ? 'first round under way' : `all compared ${formatInstant(drift.lastRoundMs)}`;
  return (
    <a class={`badge badge-${drift.windows === 0 ? 'good' : 'bad'}`} href="/v1/reports/drift" title={when}>
      {drift.windows === 0 ? 'Counters equal the ledger' : `Drift in ${formatAmount(String(drift.windows))} windows`}
    </a>
  );
}
