import { withoutAdditions } from './additions.js';
import { type Answer, differences } from './answer.js';
import type { CompatCase, Scenario } from './compat-case.js';
import type { Difference } from './difference.js';
import { knownDifferences } from './known-differences.js';
import { withNumbersOf } from './near-numbers.js';

/** How Sconce answers a case otherwise on purpose; undefined when it answers alike. */
export function knownDifference(scenario: Scenario, { name }: CompatCase): Difference | undefined {
  return knownDifferences[scenario.name]?.[name];
}

/** Where Sconce's answer is neither TorchServe's nor the one that is known, one line each. */
export function unexplained(
  scenario: Scenario,
  compatCase: CompatCase,
  theirs: Answer,
  ours: Answer,
): string[] {
  const known = knownDifference(scenario, compatCase);
  const expected = known === undefined ? theirs : known.answer(theirs);
  const { tolerance } = compatCase;
  const reduced = withoutAdditions(ours);
  return differences(
    expected,
    tolerance === undefined ? reduced : withNumbersOf(expected, reduced, tolerance),
  );
}
