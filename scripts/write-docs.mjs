/** Writes the documentation that is made from the code: run it by `npm run docs`, which builds first. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configurationDocument } from '../dist/engine/platform/config-document.js';

const path = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
writeFileSync(path, configurationDocument());
console.log(`wrote ${path}`);
