import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage } from '../../src/storage/memory.js';
import { storageContract } from '../contracts/storage.js';

storageContract('MemoryStorage', async () => ({ storage: new MemoryStorage() }));

test('it says how many entries are committed', async () => {
  const storage = new MemoryStorage();
  for (const key of ['a', 'b', 'c']) storage.put(Buffer.from(key), Buffer.from(key));
  assert.equal(storage.size, 0);
  await storage.commit();
  assert.equal(storage.size, 3);
  storage.delete(Buffer.from('b'));
  await storage.commit();
  assert.equal(storage.size, 2);
});
