import { describeReadModel, type ConformanceSubject } from './conformance.js';
import { createMemoryModel, MemoryDisk, type MemoryHook } from './memory.js';
import { AppError } from '../errors.js';
import { keyOf } from '../position/commit-log.js';

function subject(): ConformanceSubject {
  const disk = new MemoryDisk();
  let broken = false;
  const hook: MemoryHook = async (step, documents) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (step === 'write' && documents.some(({ calculatedValue }) => 'unacceptable' in calculatedValue)) {
      throw new AppError('CHANGE_REJECTED', 'unacceptable', { retryable: false, outcome: 'none' });
    }
    if (step === 'applied' && broken) throw Object.assign(new Error('broken'), { retryable: true });
  };
  const model = createMemoryModel({ disk, hook });
  return {
    model,
    another: () => createMemoryModel({ disk, hook }),
    breakApplied: async () => void (broken = true),
    healApplied: async () => void (broken = false),
    wipe: async () => disk.wipe(),
    drop: async () => void (disk.collection = null),
    plant: async (document) => void disk.collection?.set(keyOf(document), document),
    remove: async (key) => void disk.collection?.delete(keyOf(key)),
    garble: () => Promise.reject(new Error('excepted')),
    unacceptable: (base) => ({ ...base, calculatedValue: { unacceptable: true } }),
    close: () => model.close(),
  };
}

describeReadModel('the fake', async () => subject(), {
  'repair-unreadable': 'it holds results, not what could be taken for one',
});
