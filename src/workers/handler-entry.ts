import { HandlerHost, type HostStart } from '../handlers/host/handler-host.js';

/** What the thread of a handler runs, from its start to its end. */
export default function run(start: HostStart): Promise<void> {
  return new HandlerHost(start).run();
}
