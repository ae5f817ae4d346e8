import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { LocalTime } from '../../src/logging/local-time.js';

suite('LocalTime', () => {
  test("writes the local time as log4j's ISO8601", () => {
    const time = new LocalTime();
    assert.equal(
      time.at(new Date(2023, 6, 17, 16, 55, 58, 685).getTime()),
      '2023-07-17T16:55:58,685',
    );
    assert.equal(
      time.at(new Date(2023, 6, 17, 16, 55, 58, 7).getTime()),
      '2023-07-17T16:55:58,007',
    );
    assert.equal(time.at(new Date(2024, 0, 1, 0, 0, 0, 0).getTime()), '2024-01-01T00:00:00,000');
  });

  test('goes forwards and backwards, one instance for all moments', () => {
    const time = new LocalTime();
    const moment = fc.date({
      min: new Date(1971, 0, 1),
      max: new Date(2100, 0, 1),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moment, fc.integer({ min: -2000, max: 2000 }), (date, step) => {
        for (const moment of [date.getTime(), date.getTime() + step]) {
          const written = time.at(moment);
          assert.match(written, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3}$/);
          // An hour that a change of summer time repeats has two moments for one time.
          const difference = new Date(written.replace(',', '.')).getTime() - moment;
          assert.equal(difference % 1_800_000, 0);
        }
      }),
    );
  });
});
