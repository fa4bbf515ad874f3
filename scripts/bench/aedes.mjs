/** Aedes on a port of 127.0.0.1, for the benchmark. */

import { createServer } from 'node:net';
import { Aedes } from 'aedes';

const aedes = await Aedes.createBroker();
createServer(aedes.handle).listen(Number(process.argv[2]), '127.0.0.1');
