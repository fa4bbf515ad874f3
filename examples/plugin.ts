/** A plugin is a function that calls the broker: this one publishes, retained, which clients are there. */
import { createBroker, type Plugin } from 'posmq';
import mqtt from 'mqtt';

const presence: Plugin = (broker) => {
  broker.on('connected', ({ clientId }) => void broker.publish(`presence/${clientId}`, 'online', { retain: true }));
  broker.on('disconnected', ({ clientId, reason }) => void broker.publish(`presence/${clientId}`, reason, { retain: true }));
};

const broker = await createBroker({ port: 0, host: '127.0.0.1', plugins: [presence] });
const states: string[] = [];
const gone = new Promise<void>((resolve) => {
  broker.subscribe('presence/till-7', ({ payload }) => {
    states.push(payload.toString());
    if (states.length === 2) resolve();
  });
});

const till = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.address.port}`, { clientId: 'till-7' });
await till.endAsync();
await gone;
console.log(states.join(', '));
await broker.close();
