import { render } from 'preact';
import { Portal } from './portal/portal.js';
import { startTheme } from './theme.js';

const root = document.getElementById('app');
if (root === null) throw new Error('portal.html has no #app');
startTheme();
// The token is read once and leaves the address bar, the history and every copy of the address with it.
const token = location.hash.slice(1);
if (token !== '') history.replaceState(null, '', location.pathname);
render(<Portal token={token} />, root);
