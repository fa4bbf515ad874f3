/** The bounds of sessions as they are by default, for tests that make a session of their own. */
import { checkOptions } from '../../src/config/check.js';
import type { SessionLimits } from '../../src/session/contracts.js';

export const LIMITS: SessionLimits = checkOptions({});
