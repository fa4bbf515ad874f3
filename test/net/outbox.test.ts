/** Bytes waiting for one socket: their order, what holds them up, and whose memory they are in. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { READ_SIZE, SLAB_SIZE } from '../../src/net/arena.js';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import { PacketType, type Packet } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { publishOf, valueOf } from '../cases/packet-case.js';
import { Bench } from './bench.js';
import { runs } from '../util/runs.js';

const connack: Packet = { type: PacketType.Connack, sessionPresent: false, reasonCode: 0 };
const pingresp: Packet = { type: PacketType.Pingresp };
const puback = (packetId: number): Packet => ({ type: PacketType.Puback, packetId, reasonCode: 0 });
const pubrel = (packetId: number): Packet => ({ type: PacketType.Pubrel, packetId, reasonCode: 0 });
const suback: Packet = { type: PacketType.Suback, packetId: 7, reasonCodes: [0, 1, 0x80] };

/** Publishes at QoS 0, or above it under a packet identifier. */
function publish({ outbox }: Bench, frame: Publish, packetId = 0, ticket = 0): void {
  outbox.publish(frame, 0x30 | (frame.qos << 1), packetId, ticket);
}

test('packets leave when the turn ends, in their order and in one write', () => {
  const bench = new Bench();
  const { outbox, turn, transport } = bench;
  const message = publishOf('a', 'x');
  const packets = [connack, puback(1), pubrel(2), message, suback, pingresp];
  for (const packet of packets) {
    if (packet instanceof Publish) publish(bench, packet);
    else outbox.send(packet, 0);
  }
  assert.equal(transport.written.length, 0);
  assert.equal(outbox.buffered, Buffer.concat(packets.map((packet) => encode(packet, 4))).length);
  turn.end();
  assert.equal(transport.written.length, 1);
  assert.deepEqual(bench.packets, packets.map(valueOf));
  assert.equal(outbox.buffered, 0);
});

for (const type of [PacketType.Puback, PacketType.Pubrec, PacketType.Pubrel, PacketType.Pubcomp]) {
  test(`an acknowledgement of type ${type} is written as the codec writes it, held or not`, async () => {
    const bench = new Bench();
    const { outbox, turn, transport } = bench;
    const packet: Packet = { type, packetId: 0xfedc, reasonCode: 0 };
    outbox.send(packet, 0);
    turn.end();
    assert.deepEqual(transport.bytes, encode(packet, 4));
    outbox.send(packet, turn.wrote());
    turn.end();
    await bench.land();
    assert.deepEqual(transport.bytes, Buffer.concat([encode(packet, 4), encode(packet, 4)]));
  });
}

test('a turn in which nothing was sent writes nothing', () => {
  const { turn, transport, outbox } = new Bench();
  turn.end();
  outbox.flush();
  outbox.drained();
  assert.equal(transport.written.length, 0);
});

test('a PUBLISH leaves with the first byte and the packet identifier of its delivery, and its frame stays as it was', () => {
  const bench = new Bench();
  const frame = publishOf('a/b', 'x', { qos: 1, packetId: 1 });
  const before = Buffer.from(frame.bytes);
  bench.outbox.publish(frame, 0x35, 77, 0);
  bench.outbox.publish(frame, 0x3a, 78, 0);
  bench.turn.end();
  assert.deepEqual(bench.packets, [
    valueOf(publishOf('a/b', 'x', { qos: 2, retain: true, packetId: 77 })),
    valueOf(publishOf('a/b', 'x', { qos: 1, dup: true, packetId: 78 })),
  ]);
  assert.deepEqual(frame.bytes, before);
});

test('a PUBLISH is copied from where it stands: memory of its own, a part of other memory, or where reads land', () => {
  for (const lay of [inOwnMemory, inOtherMemory, whereReadsLand]) {
    const bench = new Bench();
    const frame = lay(bench, publishOf('a/b', 'hello', { qos: 1, packetId: 1 }));
    publish(bench, frame, 9);
    // The next read writes over it.
    frame.bytes.fill(0xee, frame.start, frame.end);
    bench.turn.end();
    assert.deepEqual(bench.packets, [valueOf(publishOf('a/b', 'hello', { qos: 1, packetId: 9 }))], lay.name);
  }
});

test('more than a slab holds leaves before the turn ends', () => {
  const bench = new Bench();
  const frame = publishOf('a', Buffer.alloc(1_000));
  const count = Math.floor(SLAB_SIZE / frame.length);
  for (let i = 0; i < count; i++) publish(bench, frame);
  assert.equal(bench.transport.written.length, 0);
  publish(bench, frame);
  assert.equal(bench.transport.written.length, 1);
  assert.ok(bench.transport.bytes.length <= SLAB_SIZE);
  bench.turn.end();
  assert.equal(bench.packets.length, count + 1);
  assert.equal(bench.slabsOut, 0);
});

test('what needs the disk waits for its ticket, and a message that needs none waits behind one that does; others, QoS 0 and PINGRESP do not', async () => {
  const bench = new Bench();
  const { outbox, turn } = bench;
  const ticket = turn.wrote();
  const at = (packetId: number): Publish => publishOf('a', '1', { qos: 1, packetId });
  outbox.send(puback(1), ticket);
  publish(bench, at(1), 5, 0);
  publish(bench, at(1), 6, ticket);
  publish(bench, at(1), 7, 0);
  publish(bench, publishOf('a', '0'));
  outbox.send(pingresp, 0);
  turn.end();
  assert.deepEqual(bench.packets, [valueOf(at(5)), valueOf(publishOf('a', '0')), pingresp]);
  assert.equal(outbox.waiting, 4 + 2 * at(1).length);
  await bench.land();
  assert.deepEqual(bench.packets.slice(3), [puback(1), valueOf(at(6)), valueOf(at(7))]);
  assert.equal(outbox.waiting, 0);
  assert.equal(bench.slabsOut, 0);
});

test('a message that waits for the disk is kept, so that what is read meanwhile does not change it', async () => {
  for (const where of [inOwnMemory, inOtherMemory, whereReadsLand]) {
    const bench = new Bench();
    const message = publishOf('a/b', 'first', { qos: 2, packetId: 3 });
    const frame = where(bench, message);
    publish(bench, frame, 9, bench.turn.wrote());
    publish(bench, frame, 10, 0);
    bench.arena.read.fill(0xee);
    bench.turn.end();
    assert.deepEqual(bench.packets, [], where.name);
    assert.equal(frame.borrowed, false, where.name);
    await bench.land();
    const as = (packetId: number) => valueOf(publishOf('a/b', 'first', { qos: 2, packetId }));
    assert.deepEqual(bench.packets, [as(9), as(10)], where.name);
  }
});

test('an acknowledgement of 5.0 with a reason keeps it while it waits for the disk', async () => {
  const bench = new Bench();
  const { outbox, turn, transport } = bench;
  const packets: Packet[] = [
    { type: PacketType.Puback, packetId: 1, reasonCode: 0 },
    { type: PacketType.Pubrec, packetId: 0xffff, reasonCode: 0x10 },
    { type: PacketType.Pubcomp, packetId: 3, reasonCode: 0, properties: { reasonString: 'because' } },
  ];
  outbox.version = 5;
  const ticket = turn.wrote();
  for (const packet of packets) outbox.send(packet, ticket);
  const bytes = Buffer.concat(packets.map((packet) => encode(packet, 5)));
  assert.equal(outbox.waiting, bytes.length);
  assert.equal(outbox.answers, bytes.length);
  turn.end();
  await bench.land();
  assert.deepEqual(transport.bytes, bytes);
});

test('every other packet keeps its place behind one that waits for the disk', async () => {
  const bench = new Bench();
  const { outbox, turn } = bench;
  const waiting = [puback(1), suback, pubrel(3), { type: PacketType.Unsuback, packetId: 4, reasonCodes: [] } as const];
  outbox.send(waiting[0]!, turn.wrote());
  for (const packet of waiting.slice(1)) outbox.send(packet, 0);
  turn.end();
  assert.deepEqual(bench.packets, []);
  await bench.land();
  assert.deepEqual(bench.packets, waiting);
});

test('nothing overtakes a CONNACK that waits for the disk, not even QoS 0 and PINGRESP [MQTT-3.2.0-1]', async () => {
  const bench = new Bench();
  const { outbox, turn } = bench;
  outbox.send(connack, turn.wrote());
  publish(bench, publishOf('a', '0'));
  outbox.send(pingresp, 0);
  publish(bench, publishOf('a', '1', { qos: 1 }), 1, 0);
  turn.end();
  assert.deepEqual(bench.packets, []);
  await bench.land();
  assert.deepEqual(bench.packets, [connack, valueOf(publishOf('a', '0')), pingresp, valueOf(publishOf('a', '1', { qos: 1, packetId: 1 }))]);
  outbox.send(puback(2), turn.wrote());
  publish(bench, publishOf('a', 'later'));
  turn.end();
  assert.deepEqual(bench.packets.slice(4), [valueOf(publishOf('a', 'later'))]);
});

test('each commit that lands lets go what waited for it, in order', async () => {
  const bench = new Bench();
  const { outbox, turn } = bench;
  outbox.send(puback(1), turn.wrote());
  turn.end();
  outbox.send(puback(2), turn.wrote());
  outbox.send(puback(3), 1);
  await bench.land();
  assert.deepEqual(bench.packets, [puback(1)]);
  outbox.send(puback(4), turn.wrote());
  turn.end();
  await bench.land();
  assert.deepEqual(bench.packets, [puback(1), puback(2), puback(3)]);
  turn.end();
  await bench.land();
  assert.deepEqual(bench.packets, [1, 2, 3, 4].map(puback));
  outbox.send(puback(5), 1);
  turn.end();
  assert.deepEqual(bench.packets.slice(4), [puback(5)]);
});

test('its owner is told each time something left that waited for the disk', async () => {
  const bench = new Bench();
  bench.outbox.send(puback(1), bench.turn.wrote());
  bench.turn.end();
  assert.equal(bench.eased, 0);
  await bench.land();
  assert.equal(bench.eased, 1);
});

test('a great many acknowledgements may wait for one commit', async () => {
  const bench = new Bench();
  const ticket = bench.turn.wrote();
  for (let i = 0; i < 300_000; i++) bench.outbox.send(puback(1 + (i % 65_535)), ticket);
  bench.turn.end();
  assert.equal(bench.outbox.waiting, 1_200_000);
  await bench.land();
  assert.equal(bench.transport.bytes.length, 1_200_000);
  assert.equal(bench.slabsOut, 0);
});

test('a transport that takes no more holds up what follows, in order, until it has taken everything', () => {
  const bench = new Bench();
  const { outbox, turn, transport } = bench;
  transport.room = 3;
  const frame = publishOf('a', Buffer.alloc(5_000));
  for (let i = 1; i <= 20; i++) {
    publish(bench, frame);
    outbox.send(puback(i), 0);
    turn.end();
  }
  assert.equal(transport.written.length, 1);
  assert.equal(outbox.buffered, 20 * (frame.length + 4) - 3);
  bench.take(10);
  assert.equal(transport.written.length, 1);
  bench.take();
  const delivered = Array.from({ length: 20 }, (_, i) => [valueOf(frame), puback(i + 1)]).flat();
  assert.deepEqual(bench.packets, delivered);
  assert.equal(outbox.buffered, 0);
  assert.equal(outbox.waiting, 0);
});

test('what waits for a transport counts as waiting, but for the little of the turn that is under way', () => {
  const bench = new Bench();
  const { outbox, turn, transport } = bench;
  publish(bench, publishOf('a', 'x'));
  assert.equal(outbox.waiting, 0);
  transport.room = 0;
  turn.end();
  assert.equal(outbox.waiting, 6);
  assert.equal(outbox.buffered, 6);
  publish(bench, publishOf('a', 'x'));
  assert.equal(outbox.buffered, 12);
  bench.take();
  assert.equal(outbox.waiting, 0);
});

test('answers that wait are counted apart from messages, until all that waits is taken', async () => {
  const bench = new Bench();
  const { outbox, turn, transport } = bench;
  outbox.send(suback, 0);
  turn.end();
  assert.equal(outbox.answers, 0);
  transport.room = 0;
  publish(bench, publishOf('a', Buffer.alloc(20_000)));
  turn.end();
  assert.equal(outbox.answers, 0);
  outbox.send(puback(1), 0);
  outbox.send(pubrel(2), 0);
  outbox.send(suback, 0);
  outbox.send(puback(3), turn.wrote());
  outbox.send(puback(4), 0);
  assert.equal(outbox.answers, 4 * 4 + 7);
  turn.end();
  bench.take(100);
  assert.equal(outbox.answers, 4 * 4 + 7);
  await bench.land();
  bench.take();
  assert.equal(outbox.answers, 0);
  outbox.send(puback(5), turn.wrote());
  assert.equal(outbox.answers, 4);
});

for (const room of [1, 2, 3]) {
  test(`a slab of which ${room} bytes of 4 were taken stays lent until all are, and is not written to until then`, () => {
    const bench = new Bench({ slabs: 1 });
    const { outbox, turn, transport } = bench;
    transport.room = room;
    outbox.send(puback(1), 0);
    turn.end();
    assert.equal(bench.slabsOut, 1);
    const neighbour = new Bench({ beside: bench });
    neighbour.outbox.send(puback(9), 0);
    turn.end();
    assert.deepEqual(neighbour.packets, [puback(9)]);
    bench.take(0);
    assert.equal(bench.slabsOut, 1);
    bench.take();
    assert.equal(bench.slabsOut, 0);
    assert.deepEqual(bench.packets, [puback(1)]);
  });
}

test('a transport that took a part of several pieces is given nothing more until it has taken the rest', () => {
  const bench = new Bench();
  const { outbox, turn, transport } = bench;
  const large = publishOf('a', Buffer.alloc(50_000));
  transport.room = 10_000;
  outbox.send(puback(1), 0);
  publish(bench, large);
  publish(bench, publishOf('a', Buffer.alloc(9_000)));
  turn.end();
  const { length } = transport.written;
  outbox.send(puback(2), 0);
  turn.end();
  assert.equal(transport.written.length, length);
  bench.take();
  assert.deepEqual(bench.packets, [puback(1), valueOf(large), valueOf(publishOf('a', Buffer.alloc(9_000))), puback(2)]);
  assert.equal(bench.slabsOut, 0);
});

test('a transport that asks for more while bytes wait in it is lent slabs until it has taken everything', () => {
  const bench = new Bench({ slabs: 3 });
  const { outbox, turn, transport } = bench;
  transport.generous = true;
  transport.room = 1;
  for (let i = 1; i <= 5; i++) {
    outbox.send(puback(i), 0);
    turn.end();
  }
  assert.equal(bench.slabsOut, 3);
  assert.equal(outbox.waiting, 0);
  assert.equal(outbox.buffered, 19);
  bench.take();
  assert.equal(bench.slabsOut, 0);
  assert.deepEqual(bench.packets, [1, 2, 3, 4, 5].map(puback));
});

test('who waits for a transport takes no slab of the arena', () => {
  const bench = new Bench({ slabs: 4 });
  bench.transport.room = 0;
  publish(bench, publishOf('a', 'x'));
  bench.turn.end();
  assert.equal(bench.slabsOut, 1);
  for (let i = 0; i < 100; i++) publish(bench, publishOf('a', Buffer.alloc(4_000)));
  bench.turn.end();
  assert.equal(bench.slabsOut, 1);
  bench.take();
  assert.equal(bench.packets.length, 101);
  assert.equal(bench.slabsOut, 0);
});

test('who needs a slab where none is left has the others write first', () => {
  const first = new Bench({ slabs: 2 });
  const others = [new Bench({ beside: first }), new Bench({ beside: first })] as const;
  first.outbox.send(puback(1), 0);
  others[0].outbox.send(puback(2), 0);
  assert.equal(first.arena.free, 0);
  others[1].outbox.send(puback(3), 0);
  assert.deepEqual(first.packets, [puback(1)]);
  assert.deepEqual(others[0].packets, [puback(2)]);
  assert.deepEqual(others[1].packets, []);
  first.turn.end();
  assert.deepEqual(others[1].packets, [puback(3)]);
  assert.equal(first.arena.free, 2);
});

test('without a slab an outbox brings memory of its own', () => {
  const bench = new Bench({ slabs: 0 });
  for (let i = 1; i <= 5_000; i++) bench.outbox.send(puback(i), 0);
  publish(bench, publishOf('a', 'x'));
  bench.turn.end();
  assert.equal(bench.packets.length, 5_001);
  assert.equal(bench.arena.free, 0);
});

test('a large payload is given to the transport as it is, one copy for all who receive it', () => {
  const bench = new Bench();
  const neighbour = new Bench({ beside: bench });
  const frame = publishOf('a/b', Buffer.alloc(100_000, 0x78), { qos: 1, packetId: 1 });
  publish(bench, frame, 5);
  publish(neighbour, frame, 6);
  bench.turn.end();
  for (const [{ transport, packets }, packetId] of [
    [bench, 5],
    [neighbour, 6],
  ] as const) {
    const payload = transport.written.find(({ length }) => length === 100_000);
    assert.equal(payload?.buffer, frame.bytes.buffer);
    assert.deepEqual(packets, [valueOf(publishOf('a/b', frame.payload, { qos: 1, packetId }))]);
  }
  assert.equal(bench.slabsOut, 0);
});

test('a payload of a slab or more leaves before the turn ends, a smaller one when it does', () => {
  for (const [size, early] of [
    [SLAB_SIZE, true],
    [SLAB_SIZE - 1_000, false],
  ] as const) {
    const bench = new Bench();
    publish(bench, publishOf('a', Buffer.alloc(size)));
    assert.equal(bench.transport.written.length > 0, early, `${size} bytes`);
    bench.turn.end();
    assert.equal(bench.packets.length, 1);
  }
});

test('a PUBLISH whose topic alone makes it large leaves when the turn ends', () => {
  const bench = new Bench();
  const frame = publishOf('x'.repeat(9_000), 'y');
  publish(bench, frame);
  bench.turn.end();
  assert.deepEqual(bench.packets, [valueOf(frame)]);
});

test('a large PUBLISH that was lent is kept before it is given to the transport', () => {
  const bench = new Bench();
  const frame = whereReadsLand(bench, publishOf('a/b', Buffer.alloc(20_000, 0x78)));
  publish(bench, frame);
  bench.arena.read.fill(0xee);
  assert.equal(frame.borrowed, false);
  bench.turn.end();
  assert.deepEqual(bench.packets, [valueOf(publishOf('a/b', Buffer.alloc(20_000, 0x78)))]);
});

test('a large PUBLISH leaves between what was sent before and behind it, also where it waited', async () => {
  const bench = new Bench();
  const { outbox, turn, transport } = bench;
  const large = publishOf('a', Buffer.alloc(50_000, 0x78), { qos: 2, packetId: 3 });
  const longTopic = publishOf('x'.repeat(20_000), 'y', { qos: 2, packetId: 3 });
  transport.room = 100;
  const sent: Packet[] = [];
  for (const frame of [large, longTopic]) {
    outbox.send(puback(1), 0);
    publish(bench, frame, 3);
    outbox.send(puback(2), 0);
    const ticket = turn.wrote();
    outbox.send(puback(3), ticket);
    publish(bench, frame, 3, ticket);
    turn.end();
    await bench.land();
    sent.push(puback(1), frame, puback(2), puback(3), frame);
  }
  bench.take();
  assert.deepEqual(bench.packets, sent.map(valueOf));
  assert.equal(bench.slabsOut, 0);
});

test('a PUBLISH around the size from which it is large arrives whole', () => {
  for (const size of [8_150, 8_192, 8_193, 8_200, SLAB_SIZE - 10, SLAB_SIZE, SLAB_SIZE + 10]) {
    const bench = new Bench();
    const frames = [0, 1, 2].map((i) => publishOf('a', Buffer.alloc(size - 7, 0x61 + i)));
    for (const frame of frames) publish(bench, frame);
    bench.turn.end();
    assert.deepEqual(bench.packets, frames.map(valueOf), `${size} bytes`);
  }
});

test('a close lets out what was to leave, and gives up what waits for the disk', async () => {
  const bench = new Bench();
  const { outbox, turn } = bench;
  outbox.send(puback(1), 0);
  outbox.send(puback(2), turn.wrote());
  outbox.close();
  assert.deepEqual(bench.packets, [puback(1)]);
  assert.equal(outbox.buffered, 0);
  turn.end();
  await bench.land();
  assert.deepEqual(bench.packets, [puback(1)]);
  assert.equal(bench.slabsOut, 0);
});

test('a close while the transport takes no more gives it what was gathered since, be it small or large', () => {
  for (const packet of [puback(2), publishOf('a', Buffer.alloc(20_000))]) {
    const bench = new Bench();
    bench.transport.room = 1;
    bench.outbox.send(puback(1), 0);
    bench.turn.end();
    if (packet instanceof Publish) publish(bench, packet);
    else bench.outbox.send(packet, 0);
    bench.outbox.close();
    bench.take();
    assert.deepEqual(bench.packets, [puback(1), valueOf(packet)]);
  }
});

test('a close while the transport takes no more gives it everything, and the slabs are back when it is done', () => {
  for (const finish of ['takes', 'breaks'] as const) {
    const bench = new Bench();
    const { outbox, turn, transport } = bench;
    transport.room = 1;
    outbox.send(puback(1), 0);
    turn.end();
    publish(bench, publishOf('a', Buffer.alloc(50_000)));
    outbox.send(puback(2), 0);
    outbox.close();
    assert.ok(transport.buffered > 50_000);
    if (finish === 'takes') {
      bench.take();
      assert.equal(bench.packets.length, 3);
    }
    bench.end();
    assert.equal(bench.slabsOut, 0, `the transport ${finish}`);
  }
});

for (const [state, reach] of [
  ['with nothing sent', () => {}],
  ['in the middle of a turn', (bench: Bench) => bench.outbox.send(puback(1), 0)],
  [
    'while the transport takes no more',
    (bench: Bench) => {
      bench.transport.room = 1;
      bench.outbox.send(puback(1), 0);
      bench.turn.end();
      bench.outbox.send(puback(2), 0);
    },
  ],
  [
    'while packets wait for the disk',
    (bench: Bench) => {
      bench.outbox.send(puback(1), bench.turn.wrote());
      publish(bench, publishOf('a', 'x'));
    },
  ],
] as const) {
  test(`a transport that ends ${state} leaves no slab behind, and no turn brings anything back`, async () => {
    for (const closedBefore of [true, false]) {
      const bench = new Bench();
      reach(bench);
      if (closedBefore) bench.outbox.close();
      bench.transport.destroy();
      bench.outbox.released();
      const { length } = bench.transport.written;
      bench.turn.wrote();
      bench.turn.end();
      await bench.land();
      assert.equal(bench.slabsOut, 0);
      assert.equal(bench.transport.written.length, length);
      assert.equal(bench.outbox.waiting, 0);
    }
  });
}

test('bytes are counted when they are given to the transport', () => {
  const bench = new Bench();
  const { outbox, turn, transport, tally } = bench;
  outbox.send(puback(1), 0);
  assert.equal(outbox.bytesSent, 0);
  turn.end();
  publish(bench, publishOf('a', Buffer.alloc(30_000)));
  outbox.send(puback(2), turn.wrote());
  turn.end();
  outbox.close();
  assert.equal(outbox.bytesSent, transport.bytes.length);
  assert.equal(tally.bytesSent, transport.bytes.length);
  assert.equal(transport.bytes.length, 4 + publishOf('a', Buffer.alloc(30_000)).length);
});

test('the version it is told decides how packets are written', () => {
  const bench = new Bench();
  bench.outbox.version = 3;
  bench.outbox.send(suback, 0);
  bench.turn.end();
  assert.equal(bench.transport.bytes.toString('hex'), '90050007000100');
});

test('whatever happens, each lane arrives in order and whole, bytes add up and every slab comes back', async () => {
  const anyStep = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('ack'), disk: fc.boolean() }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('publish'), disk: fc.boolean(), size: fc.constantFrom(3, 100, 4_000, 9_000, 40_000) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('publish QoS 0'), size: fc.constantFrom(3, 100, 8_185, 40_000) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('end turn', 'land') }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take'), room: fc.constantFrom(0, 1, 50, 10_000, 100_000, Infinity) }) },
  ) as fc.Arbitrary<{ do: string; disk?: boolean; size?: number; room?: number }>;
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), fc.nat(3), fc.boolean(), async (steps, slabs, generous) => {
      const bench = new Bench({ slabs });
      const { outbox, turn, transport } = bench;
      transport.generous = generous;
      const acknowledgements: (object | undefined)[] = [];
      const messages: (object | undefined)[] = [];
      const free: (object | undefined)[] = [];
      let committing = false;
      let next = 0;
      for (const { do: what, disk = false, size = 0, room = 0 } of steps) {
        const packetId = (++next % 65_535) + 1;
        if (what === 'ack') {
          outbox.send(puback(packetId), disk ? turn.wrote() : 0);
          acknowledgements.push(puback(packetId));
        } else if (what === 'publish') {
          const frame = publishOf('a', Buffer.alloc(size, next), { qos: 1, packetId });
          publish(bench, whereReadsLand(bench, frame), packetId, disk ? turn.wrote() : 0);
          messages.push(valueOf(frame));
        } else if (what === 'publish QoS 0') {
          const frame = publishOf('free', Buffer.alloc(size, next));
          publish(bench, whereReadsLand(bench, frame));
          free.push(valueOf(frame));
        } else if (what === 'take') {
          bench.take(room);
        } else {
          if (what === 'land' && committing) await bench.land();
          turn.end();
          committing = !turn.idle;
        }
      }
      bench.take();
      while (!turn.idle) {
        turn.end();
        if (!turn.idle) await bench.land();
      }
      const arrived = bench.packets as { topic?: string }[];
      for (const [lane, topic] of [[acknowledgements], [messages, 'a'], [free, 'free']] as const) {
        assert.deepEqual(
          arrived.filter((packet) => packet.topic === topic),
          lane,
        );
      }
      assert.equal(outbox.buffered, 0);
      assert.equal(outbox.bytesSent, transport.bytes.length);
      assert.equal(bench.slabsOut, 0);
    }),
    runs(66),
  );
});

/** The frame as it is. */
function inOwnMemory(_bench: Bench, frame: Publish): Publish {
  return frame;
}

/** The frame as it came, in the middle of a chunk. */
function inOtherMemory(_bench: Bench, frame: Publish): Publish {
  const ping = Buffer.from('c000', 'hex');
  return readFrom(Buffer.concat([ping, encode(frame, 4), ping]), frame.length + 4);
}

/** The frame as it came into the arena. */
function whereReadsLand({ arena }: Bench, frame: Publish): Publish {
  assert.ok(frame.length + 4 <= READ_SIZE);
  arena.bytes.write('c000', 'hex');
  frame.bytes.copy(arena.bytes, 2, frame.start, frame.end);
  arena.bytes.write('c000', 2 + frame.length, 'hex');
  return readFrom(arena.bytes, frame.length + 4);
}

function readFrom(bytes: Buffer, end: number): Publish {
  const decoder = new Decoder();
  decoder.feed(bytes, end);
  decoder.next();
  const packet = decoder.next();
  assert.ok(packet instanceof Publish && packet.borrowed);
  return packet;
}
