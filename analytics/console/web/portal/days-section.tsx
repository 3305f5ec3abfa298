import { EmptyPanel } from '../parts/panels.js';
import { add, decimalNumber, decimalText, parseDecimal, ZERO } from '../pure/decimal.js';
import { formatAmount, formatDay, pluralUnit } from '../pure/format.js';
import { type MeterDays, type MonthUsage, USAGE_CSV } from './api.js';

const HEIGHT = 60;
const DAY_WIDTH = 10;

/** The days of the month, a picture and a table for each meter that was used. */
export function DaysSection({ usage: { meters, timezone } }: { usage: MonthUsage }) {
  const used = meters.filter(({ days }) => days.some(({ value }) => value !== '0'));
  return (
    <section aria-labelledby="days-title">
      <div class="heading">
        <h2 id="days-title">Day by day</h2>
        <a class="button-link" href={USAGE_CSV} download>
          CSV
        </a>
      </div>
      {used.length === 0 ? (
        <EmptyPanel title="Nothing was used this month" />
      ) : (
        <div class="portal-meters">
          {used.map((meter) => (
            <MeterCard key={meter.id} meter={meter} timezone={timezone} />
          ))}
        </div>
      )}
    </section>
  );
}

function MeterCard({ meter: { name, unit, days }, timezone }: { meter: MeterDays; timezone: string }) {
  const peak = Math.max(...days.map(({ value }) => decimalNumber(parseDecimal(value))));
  const sum = decimalText(days.reduce((total, { value }) => add(total, parseDecimal(value)), ZERO));
  return (
    <div class="card">
      <h3>{name}</h3>
      <p class="sub">
        {formatAmount(sum)} {pluralUnit(unit, sum)}
      </p>
      <svg
        class="portal-days"
        viewBox={`0 0 ${days.length * DAY_WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {days.map(({ startMs, value }, index) => {
          const height = (decimalNumber(parseDecimal(value)) / peak) * HEIGHT;
          return (
            <rect key={startMs} x={index * DAY_WIDTH + 1} y={HEIGHT - height} width={DAY_WIDTH - 2} height={height} />
          );
        })}
      </svg>
      <details>
        <summary>Days of {name}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col" class="numeric">
                Used
              </th>
            </tr>
          </thead>
          <tbody>
            {days.map(({ startMs, value }) => (
              <tr key={startMs}>
                <th scope="row">{formatDay(startMs, timezone)}</th>
                <td class="numeric">{formatAmount(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}
