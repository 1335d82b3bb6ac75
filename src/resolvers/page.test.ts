import { AppError } from '../errors.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { cutPage, planPage, type PageArguments } from './page.js';

const at = (n: number) => ({ order: String(n), businessKey: 'k' });
const cursor = (n: number): string => encodeCursor('order_window', at(n));
const ALL = [1, 2, 3, 4, 5];
/** What a store would answer: rows after the start, in reading direction, one more than the page. */
function page(given: PageArguments) {
  const plan = planPage('order_window', given, 500);
  const start = plan.start === null ? null : Number(plan.start.order);
  const turned = plan.backward ? [...ALL].reverse() : ALL;
  const read = turned.filter((n) => start === null || (plan.backward ? n < start : n > start)).slice(0, plan.size + 1);
  const { rows, hasNextPage, hasPreviousPage } = cutPage(plan, read, at);
  return [rows, hasPreviousPage, hasNextPage];
}
const codeOf = (given: PageArguments): string => {
  try {
    planPage('order_window', given, 500);
  } catch (error) {
    return error instanceof AppError ? error.code : 'NOT_CODED';
  }
  return 'OK';
};

test('first/after and last/before walk the same listing, in the same order, from either end', () => {
  expect(page({ first: 2 })).toEqual([[1, 2], false, true]);
  expect(page({ first: 2, after: cursor(2) })).toEqual([[3, 4], true, true]);
  expect(page({ first: 2, after: cursor(3) })).toEqual([[4, 5], true, false]);
  expect(page({ last: 2 })).toEqual([[4, 5], true, false]);
  expect(page({ last: 2, before: cursor(4) })).toEqual([[2, 3], true, true]);
  expect(page({ last: 9, before: cursor(3) })).toEqual([[1, 2], false, true]);
  expect(page({ first: 9, before: cursor(4) })).toEqual([[1, 2, 3], false, true]);
  expect(page({ last: 9, after: cursor(3) })).toEqual([[4, 5], true, false]);
  expect(page({})).toEqual([ALL, false, false]);
});

test('a page has 1 to 500 results and one direction', () => {
  expect([0, -1, 501].map((first) => codeOf({ first }))).toEqual(['BAD_PAGE_SIZE', 'BAD_PAGE_SIZE', 'BAD_PAGE_SIZE']);
  expect(codeOf({ first: 1, last: 1 })).toBe('BAD_PAGE_SIZE');
  expect([1, 500].map((last) => codeOf({ last }))).toEqual(['OK', 'OK']);
});

test('a cursor is good for its own kind only, and nothing else is a cursor', () => {
  expect(decodeCursor('order_window', cursor(3))).toEqual(at(3));
  for (const text of [
    '',
    'zz',
    '%%',
    encodeCursor('order', at(1)),
    Buffer.from('[1,"order_window",2,3]').toString('base64url'),
    'x'.repeat(5000),
  ]) {
    expect([text.slice(0, 9), codeOf({ after: text })]).toEqual([text.slice(0, 9), 'BAD_CURSOR']);
  }
});
