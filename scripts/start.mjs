/** `npm start`: makes sure there is something to run, then is the broker. */

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`posmq: Node.js 20.19 or newer is needed, this is ${process.versions.node}`);
  process.exit(1);
}

// Imported late: an older Node must get as far as the sentence above.
const { install, buildLibrary } = await import('./prepare.mjs');
install();
buildLibrary();

// In this very process, so that signals and the exit status are the broker's own.
const { main } = await import('../dist/cli/posmq.js');
await main(process.argv.slice(2));
