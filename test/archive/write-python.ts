import { spawnSync } from 'node:child_process';

/** The Python that the comparisons use. */
export const python = process.env.SCONCE_PYTHON ?? 'python3';

/** Why a comparison with a module of Python is skipped; false when the module is there. */
export function withoutModule(module: string): string | false {
  const { status } = spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
  return status !== 0 && `${python} has no ${module}`;
}
