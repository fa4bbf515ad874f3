/** `npm run typecheck`: library, tests and examples; what it compiles is what the tests run. */

import { compileAll, fail, install } from './prepare.mjs';

install();
if (!compileAll()) fail('the sources do not compile, see above');
