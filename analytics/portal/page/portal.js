/** The customer's own view: signs in by the token behind the number sign, then shows what the session may read. */

const status = document.getElementById('status');
const view = document.getElementById('view');

async function ask(path, options = {}) {
  const response = await fetch(path, { credentials: 'same-origin', ...options });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error?.message ?? `The server answered ${response.status}.`);
  return body;
}

async function session() {
  const token = location.hash.slice(1);
  if (token === '') return await ask('/v1/portal-session');
  // Gone from the address before anything else: it is in no history, and in no copied address.
  history.replaceState(null, '', location.pathname);
  const headers = { 'content-type': 'application/json' };
  return await ask('/v1/portal-session', { method: 'POST', headers, body: JSON.stringify({ token }) });
}

function element(name, text, className = '') {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function table(title, columns, rows) {
  const made = document.createElement('table');
  const head = made.createTHead().insertRow();
  for (const [name, kind = ''] of columns) {
    const cell = element('th', name, kind);
    cell.scope = 'col';
    head.append(cell);
  }
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, index) => {
      line.append(element('td', value === null || value === undefined ? '–' : String(value), columns[index][1] ?? ''));
    });
  }
  const wide = element('div', '', 'wide');
  wide.tabIndex = 0;
  wide.setAttribute('role', 'region');
  wide.setAttribute('aria-label', title);
  wide.append(made);
  view.append(element('h2', title), wide);
}

const number = (value) => (value === null || value === undefined ? null : Number(value).toLocaleString('en'));

const included = ({ entitled, value }) => {
  if (!entitled) return 'no';
  return value === undefined || value === true ? 'yes' : String(value);
};

async function show({ customer }) {
  const path = encodeURIComponent(customer);
  const period = new Date().toISOString().slice(0, 7);
  const report = `/v1/reports/utilization?period=${period}`;
  const [sheet, usage, month] = await Promise.all([
    ask(`/v1/console/customers/${path}`),
    ask(`/v1/customers/${path}/usage`),
    ask(report),
  ]);
  document.getElementById('title').textContent = `${sheet.name}: usage`;
  status.textContent = `Plan ${sheet.plan.name}${sheet.addons.map(({ name }) => `, ${name}`).join('')}`;
  const features = sheet.features.map((feature) => [feature.name, included(feature)]);
  table('What you have', [['Feature'], ['Included']], features);
  const limits = Object.entries(usage.features).flatMap(([feature, { limits }]) =>
    Object.entries(limits)
      .filter(([, { kind }]) => kind === 'quota')
      .map(([limit, state]) => [feature, limit, number(state.used), number(state.included), state.resetAt]),
  );
  table('Limits now', [['Feature'], ['Limit'], ['Used', 'number'], ['Included', 'number'], ['Begins anew']], limits);
  const rows = month.rows
    .filter(({ feature }) => feature !== null)
    .map((row) => [row.feature, number(row.used), number(row.included), number(row.overage), row.peakDay]);
  table(
    `Month ${period}`,
    [['Feature'], ['Used', 'number'], ['Included', 'number'], ['Over', 'number'], ['Peak day']],
    rows,
  );
  const link = element('a', 'Download as CSV');
  link.href = `${report}&format=csv`;
  view.append(link);
}

try {
  await show(await session());
} catch (error) {
  status.textContent = error instanceof Error ? error.message : String(error);
}
