/** Who may come in, and who may say what: gates are functions that answer yes or no. */
import { createBroker, ReasonCode, type Gates } from 'posmq';
import mqtt from 'mqtt';

const gates: Partial<Gates> = {
  // May answer with a promise: a look into a database, say.
  connect: async ({ username, password }) =>
    username === 'till-7' && password?.toString() === 'secret' ? true : ReasonCode.BadUserNameOrPassword,
  // Asked for every message, so it answers at once.
  publish: (message, publisher) => message.topic.startsWith(`${publisher.username}/`),
  subscribe: ({ filter }, subscriber) => filter.startsWith(`${subscriber.username}/`),
};
const broker = await createBroker({ port: 0, host: '127.0.0.1', gates });
const url = `mqtt://127.0.0.1:${broker.address.port}`;

const stranger = mqtt.connect(url, { username: 'till-7', password: 'guess', reconnectPeriod: 0 });
await new Promise<void>((resolve) =>
  stranger.once('error', (error) => {
    console.log(error.message);
    resolve();
  }),
);

const till = await mqtt.connectAsync(url, { username: 'till-7', password: 'secret' });
await till.subscribeAsync('till-7/#');
till.on('message', (topic) => console.log(`heard ${topic}`));
await till.publishAsync('till-8/sale', 'not mine', { qos: 1 });
await till.publishAsync('till-7/sale', 'mine', { qos: 1 });
console.log(`dropped: ${broker.stats.dropped['not-authorized']}`);

await till.endAsync();
await broker.close();
