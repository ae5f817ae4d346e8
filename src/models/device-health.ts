import type { Settings } from '../config/settings.js';
import { SconceError } from '../errors.js';

/** What becomes of the server when a device fails. */
type DevicePolicy = Settings['onDeviceFailure'];

export interface DeviceFailure {
  /** `cuda:N`; `cpu` where a model that runs there has lost a GPU that its own code uses. */
  device: string;
  /** For clients, and for the log. */
  error: SconceError;
}

/** What the message of a failure ends with. */
function outlook(device: string, policy: DevicePolicy): string {
  if (policy === 'exit') return 'The server ends now, for its supervisor to start it again';
  return device === 'cpu'
    ? 'The model is not served any more'
    : 'The device is not used again before the server is restarted';
}

/**
 * Devices that nothing runs on any more in this process. CUDA reports an illegal access, a failed
 * assertion in a kernel or the loss of a device for each call that follows, whatever model makes it:
 * only another process can use the device again.
 */
export class DeviceHealth {
  readonly #failures = new Map<string, SconceError>();
  readonly #listeners: ((failure: DeviceFailure) => void)[] = [];

  constructor(private readonly policy: DevicePolicy) {}

  /** Why nothing runs on a device; undefined while something may. */
  failureOf(device: string): SconceError | undefined {
    return this.#failures.get(device);
  }

  /** Devices that the server ends for, and why. */
  get lost(): ReadonlyMap<string, SconceError> {
    return this.policy === 'exit' ? this.#failures : new Map();
  }

  /** Those that have not failed, in their order. */
  working(devices: readonly string[]): string[] {
    return devices.filter((device) => !this.#failures.has(device));
  }

  /** Why nothing can run on any of the devices; undefined when something can. */
  problem(devices: readonly string[]): SconceError | undefined {
    if (this.working(devices).length > 0) return undefined;
    return this.#failures.get(devices[0] ?? '');
  }

  /** Calls `listener` once for each device that fails, before whoever was added later. */
  onFailure(listener: (failure: DeviceFailure) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * A device has failed. Of the CPU, which cannot, nothing is remembered: what a model there has lost
   * is its own.
   *
   * @param why what CUDA says
   */
  failed(device: string, why: string): void {
    if (this.#failures.has(device)) return;
    const message = `${device}: ${why}. ${outlook(device, this.policy)}`;
    const error = new SconceError('DEVICE_FAILED', message);
    if (device !== 'cpu') this.#failures.set(device, error);
    for (const listener of this.#listeners) listener({ device, error });
  }
}
