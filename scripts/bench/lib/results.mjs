import { spread } from './statistics.mjs';

/** The valid measurements of a run, for tables and plots. */
export class Results {
  /** @param {import('./rounds.mjs').Round[]} rounds */
  constructor(rounds) {
    this.rounds = rounds;
  }

  /** True when anybody was measured there: a quick run leaves points out. */
  has(point) {
    return this.rounds.some(({ measurements }) => measurements.some((one) => one.point === point));
  }

  /** Median and spread of a figure over the rounds; undefined when it was never measured. */
  spread(contender, point, figure) {
    return this.paired((find) => find(contender, point)?.[figure]);
  }

  /**
   * Median and spread of what `compute` makes of each round. It is given a function that finds a
   * contender's figures at a point; a round that it answers undefined for does not count.
   *
   * @param {(find: (contender: string, point: string) => Record<string, number> | undefined) =>
   *   number | undefined} compute
   */
  paired(compute) {
    const values = this.rounds.map(({ measurements }) =>
      compute(
        (contender, point) =>
          measurements.find(
            (one) => one.contender === contender && one.point === point && !one.invalid,
          )?.figures,
      ),
    );
    return spread(values.filter((value) => Number.isFinite(value)));
  }

  /** Measurements that do not count, as sentences. */
  get invalid() {
    return this.rounds.flatMap(({ measurements }, i) =>
      measurements
        .filter(({ invalid }) => invalid)
        .map(
          ({ contender, point, invalid }) => `Round ${i + 1}, ${contender}, ${point}: ${invalid}.`,
        ),
    );
  }
}
