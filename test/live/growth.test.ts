/** Growth: what many subscriptions and many topics cost, compared with few. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Router } from '../../src/broker/router.js';
import { heapUsed } from '../util/heap.js';
import { assertAtMost } from '../micro/ratio.js';
import { publishThrough, subscribeThrough } from '../micro/whole.js';
import { comeAndGo, subscriber, subscription } from '../micro/work.js';

const skip = process.env['NODE_V8_COVERAGE'] !== undefined;

test('ten times as many subscriptions cost ten times as much, so one costs what it did', { skip }, () => {
  assertAtMost(4, comeAndGo(50_000), comeAndGo(5_000));
});

for (const each of [1, 100]) {
  test(`so it is for a client that subscribes, with ${each} filters in a packet`, { skip }, async () => {
    assertAtMost(4, await subscribeThrough(50_000, each), await subscribeThrough(5_000, each));
  });
}

test('a million topics leave behind what a hundred thousand do', async () => {
  for (const filter of ['#', undefined]) {
    const { run, times } = await publishThrough('new', { filter });
    const publish = (messages: number): number => {
      for (let i = 0; i < messages; i += times) run();
      return heapUsed();
    };
    const before = publish(100_000);
    const after = publish(900_000);
    assert.ok(after - before < 3e6, `${after - before} bytes`);
  }
});

test('two hundred thousand topics leave behind what thirty thousand do', () => {
  const router = new Router();
  for (let i = 0; i < 10; i++) router.add(subscription(subscriber(`client ${i}`), 'plant/+/state'));
  let heard = 0;
  const hear = (count: number): number => {
    for (const end = heard + count; heard < end; heard++) router.audience(`plant/${heard}/state`);
    assert.equal(router.audience('plant/0/state').length, 10);
    return heapUsed();
  };
  const before = hear(32_768);
  const after = hear(163_840);
  assert.ok(after - before < 3e6, `${after - before} bytes`);
});

test('audiences are forgotten before many large ones fill the memory', () => {
  const router = new Router(1_000, 500);
  for (let i = 0; i < 99; i++) router.add(subscription(subscriber(`client ${i}`), '#'));
  for (let i = 0; i < 50; i++) router.add(subscription(subscriber(`device ${i}`), `device/${i}`));
  for (let i = 0; i < 50; i++) {
    assert.equal(router.audience(`device/${i}`).length, 100);
    assert.ok(router.remembered <= 6, `${router.remembered} of 100 routes each are remembered`);
  }
});

test('topics of one kind share an audience until a subscription changes it', () => {
  const router = new Router();
  router.add(subscription(subscriber('ann'), 'plant/+'));
  const before = router.audience('plant/1');
  assert.equal(router.audience('plant/2'), before);
  const bob = subscription(subscriber('bob'), 'plant/2');
  router.add(bob);
  assert.deepEqual(
    [1, 2, 3].map((i) => router.audience(`plant/${i}`).length),
    [1, 2, 1],
  );
  router.remove(bob);
  assert.deepEqual(
    [1, 2, 3].map((i) => router.audience(`plant/${i}`).length),
    [1, 1, 1],
  );
});
