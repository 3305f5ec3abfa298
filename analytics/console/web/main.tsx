import { render } from 'preact';
import { App } from './app.js';
import { startTheme } from './theme.js';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');
startTheme();
render(<App />, root);
