/** `npm run build`: src/ → dist/. */

import { buildLibrary, install } from './prepare.mjs';

install();
buildLibrary();
