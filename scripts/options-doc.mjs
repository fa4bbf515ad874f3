/** Writes docs/options.md from the table of options. Build first. */

import { writeFileSync } from 'node:fs';
import { optionsPage } from '../dist/config/document.js';

writeFileSync(new URL('../docs/options.md', import.meta.url), optionsPage());
