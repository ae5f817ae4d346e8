/** How the cores are divided among the instances of a model on the CPU. */
export interface ThreadBudget {
  instances: number;
  intraOpThreads: number;
  /** Set when the operator asked for more threads than there are cores. */
  warning: string | undefined;
}

/**
 * Intra-op threads of each instance, so that instances × threads ≤ cores: more is not a little
 * slower but catastrophically so, because OpenMP threads spin while they wait for each other.
 * One core is left to the main loop where there are several.
 *
 * @param wanted intra-op threads asked for, 0 to divide what there is
 */
export function budgetThreads(cores: number, instances: number, wanted: number): ThreadBudget {
  const forCompute = Math.max(1, cores - 1);
  const intraOpThreads = wanted > 0 ? wanted : Math.max(1, Math.floor(forCompute / instances));
  const total = instances * intraOpThreads;
  const warning =
    total > cores
      ? `${instances} instances × ${intraOpThreads} threads are more than the ${cores} cores; expect them to slow each other down`
      : undefined;
  return { instances, intraOpThreads, warning };
}
