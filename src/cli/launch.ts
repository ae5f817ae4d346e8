import type { Profile } from '../config/resolve.js';
import { refuseSecond, startInBackground, stopServer } from './daemon.js';
import { commandFlags } from './flags.js';
import { serve } from './serve.js';

/**
 * `torchserve`, and `sconce start`: a server in the background, or with `--foreground` here; with
 * `--stop` none any more.
 *
 * @param flags as they were given, for the process in the background
 * @throws {SconceError} as serve() and stopServer()
 */
export async function launch(
  options: Record<string, unknown>,
  flags: readonly string[],
  profile: Profile,
): Promise<void> {
  const { stop, foreground } = commandFlags(options);
  if (stop) process.exitCode = await stopServer(profile);
  else if (!foreground) process.exitCode = await startInBackground(flags, profile);
  else if (refuseSecond(profile)) process.exitCode = 1;
  else await serve(options, { profile, stoppable: true, background: false });
}
