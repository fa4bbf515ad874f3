/** Why a broker did not start, as one sentence for its operator. */

import { ConfigurationError, type Options } from '../config/options.js';
import { FormatError } from '../broker/restart.js';
import { StoreError } from '../storage/opening.js';

/** The sentence, or `undefined` for an error no operator can do anything about: a bug. */
export function startError(error: unknown, options: Pick<Options, 'host' | 'port'> | undefined): string | undefined {
  if (error instanceof ConfigurationError || error instanceof StoreError || error instanceof FormatError) return error.message;
  if (options === undefined) return undefined;
  const address = `${options.host.includes(':') ? `[${options.host}]` : options.host}:${options.port}`;
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    const reason = reasonOf(link);
    if (reason !== undefined) return `cannot listen on ${address}: ${reason}`;
  }
  return undefined;
}

function reasonOf(error: NodeJS.ErrnoException): string | undefined {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is already in use';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
      return 'the host name does not resolve';
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
      return 'the address is not one of this machine';
    case 'EAFNOSUPPORT':
      return 'this machine has no addresses of that kind';
    default:
      return undefined;
  }
}
