import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Placed, UnorderedSet } from '../../src/collections/unordered-set.js';

class Member implements Placed {
  place: number | undefined;
}

suite('an unordered set', () => {
  test('has the members that a Set would have, whatever comes and goes', () => {
    const members = 12;
    const step = fc.record({ adds: fc.boolean(), which: fc.nat(members - 1) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const all = Array.from({ length: members }, () => new Member());
        const set = new UnorderedSet<Member>();
        const expected = new Set<Member>();
        for (const { adds, which } of steps) {
          const member = all[which] ?? new Member();
          if (!adds) assert.equal(set.delete(member), expected.delete(member));
          else set.add(member);
          if (adds) expected.add(member);
          assert.equal(set.size, expected.size);
          assert.deepEqual(new Set(set.all), expected);
        }
      }),
    );
  });

  test('can change while its members are gone through', () => {
    const set = new UnorderedSet<Member>();
    for (let i = 0; i < 3; i += 1) set.add(new Member());
    for (const member of set.all) {
      set.delete(member);
      set.add(new Member());
    }
    assert.equal(set.size, 3);
  });
});
