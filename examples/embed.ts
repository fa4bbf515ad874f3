/** A broker inside your program: it serves the network, and your code publishes and hears messages without one. */
import { createBroker } from 'posmq';

const broker = await createBroker({ port: 0, host: '127.0.0.1' });
console.log(`listening on ${broker.address.host}`);

const heard = new Promise<void>((resolve) => {
  broker.subscribe('till/+/sale', (message) => {
    console.log(`${message.topic}: ${message.payload.toString()}`);
    resolve();
  });
});

await broker.publish('till/7/sale', '12.50', { qos: 1, retain: true });
await heard;

console.log(`retained messages: ${broker.stats.retained.messages}`);
await broker.close();
