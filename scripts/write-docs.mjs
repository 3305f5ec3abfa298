/** Writes the documentation that is made from the code; `npm run docs` builds first. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIST, ROOT } from './setup/paths.mjs';

const { configurationDocument } = await import(pathToFileURL(join(DIST, 'engine/platform/config-document.js')).href);
const path = join(ROOT, 'docs/configuration.md');
writeFileSync(path, configurationDocument());
console.log(`wrote ${path}`);
