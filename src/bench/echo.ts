/** The process that {@link sink} talks to: it accepts every CONNECT and sends back whatever else comes. */
import { createServer, type AddressInfo } from 'node:net';

const CONNACK = Buffer.of(0x20, 2, 0, 0);

const server = createServer({ noDelay: true }, (socket) => {
  socket.once('data', () => {
    socket.write(CONNACK);
    socket.on('data', (bytes) => {
      if (!socket.write(bytes)) {
        socket.pause();
        socket.once('drain', () => socket.resume());
      }
    });
  });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
// Ctrl-C at a terminal reaches both: this one ends when who started it does.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
