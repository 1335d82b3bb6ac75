import { Highest, rewound } from './highest.js';
import { position } from './position.js';

const at = (p: number, nonce = `n${p}`, incarnation = 'i') => ({ position: position(p), nonce, incarnation });

test('a clock that shows less than what was known before it was asked has been rewound', () => {
  expect([at(6), at(5), at(4), at(5, 'other'), at(1, 'n1', 'j')].map((read) => rewound(at(5), read))).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
  expect(rewound(null, at(1))).toBe(false);
});

test('an answer that was overtaken is no rewind: it is compared with what was known before it was asked', () => {
  const highest = new Highest();
  highest.note(at(5));
  const mark = highest.mark();
  highest.note(at(7));
  highest.note(at(6));
  expect(highest.mark()).toEqual(at(7));
  expect(rewound(mark, at(6))).toBe(false);
  highest.note(at(1, 'n1', 'j'));
  expect(highest.mark()).toEqual(at(1, 'n1', 'j'));
});
