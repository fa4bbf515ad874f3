import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Frames, topicName, type FrameOptions } from '../../src/bench/frames.js';
import { Decoder } from '../../src/packet/decoder.js';
import { PacketType, type Version } from '../../src/packet/packet.js';
import type { Publish } from '../../src/packet/publish.js';

const OPTIONS: FrameOptions = { topic: 'bench/t/1', payload: 64, qos: 0, retain: false, version: 4, copies: 3 };

/** The packets in the bytes, as the broker's own decoder reads them. */
function packetsIn(bytes: Buffer, version: Version): Publish[] {
  const decoder = new Decoder();
  decoder.version = version;
  decoder.feed(bytes);
  const packets: Publish[] = [];
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
    assert.ok(packet.type === PacketType.Publish);
    packets.push(packet);
  }
  assert.equal(decoder.held, 0);
  return packets;
}

describe('frames', () => {
  for (const version of [3, 4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      it(`are PUBLISH packets of version ${version} at QoS ${qos} with their own time and identifier`, () => {
        const frames = new Frames({ ...OPTIONS, version, qos });
        for (let i = 0; i < 3; i++) frames.patch(i, -1 - i * 1_000_000, 65_533 + i);
        const told = packetsIn(frames.view(3), version).map(({ topic, qos, packetId, payload }) => [
          topic,
          qos,
          packetId,
          payload.length,
          payload.readInt32BE(),
        ]);
        const id = (i: number): number => (qos === 0 ? 0 : 65_533 + i);
        assert.deepEqual(told, [
          ['bench/t/1', qos, id(0), 64, -1],
          ['bench/t/1', qos, id(1), 64, -1_000_001],
          ['bench/t/1', qos, id(2), 64, -2_000_001],
        ]);
      });
    }
  }

  it('go to numbered topics in turn, and round again', () => {
    const frames = new Frames({ ...OPTIONS, topic: 'bench/', numbering: { first: 1, stride: 2, topics: 5 }, retain: true });
    for (let i = 0; i < 3; i++) frames.patch(i, 0, 0);
    const first = packetsIn(frames.view(3), 4);
    assert.deepEqual(
      first.map(({ topic }) => topic),
      [1, 3, 0].map((number) => topicName('bench/', number)),
    );
    assert.ok(first.every(({ retain }) => retain));
    frames.patch(0, 0, 0);
    assert.equal(packetsIn(frames.view(1), 4)[0]?.topic, topicName('bench/', 2));
  });

  it('may have no payload to write the time into', () => {
    const frames = new Frames({ ...OPTIONS, payload: 0, qos: 1, copies: 1 });
    frames.patch(0, 0x0102_0304, 7);
    const [packet] = packetsIn(frames.view(1), 4);
    assert.deepEqual([packet?.topic, packet?.packetId, packet?.payloadLength], ['bench/t/1', 7, 0]);
  });
});
