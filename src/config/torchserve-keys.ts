import { closest, distance } from 'fastest-levenshtein';
import { allSettings } from './setting.js';

/** A key of TorchServe's config.properties that no setting stands for. */
export interface MeaninglessKey {
  kind: 'boolean' | 'integer' | 'text';
  /** Why it has no effect, to stand after a colon. */
  why: string;
}

const grpc = 'gRPC is not served yet';
const netty = 'there is no Netty here; Node reads the sockets';
const workers = 'Python workers start without it';
const java = 'there is no Java virtual machine here';
const sequences = 'sequences of requests are not served yet';
const snapshot = "it only tells where TorchServe's own snapshot comes from";

const boolean = (why: string): MeaninglessKey => ({ kind: 'boolean', why });
const integer = (why: string): MeaninglessKey => ({ kind: 'integer', why });
const text = (why: string): MeaninglessKey => ({ kind: 'text', why });

/** Keys that are accepted without effect, so that a file of TorchServe's serves as it is. */
export const meaninglessKeys: ReadonlyMap<string, MeaninglessKey> = new Map([
  ['grpc_inference_address', text(grpc)],
  ['grpc_management_address', text(grpc)],
  ['grpc_inference_port', integer(grpc)],
  ['grpc_management_port', integer(grpc)],
  ['grpc_inference_max_connection_age_ms', integer(grpc)],
  ['grpc_inference_max_connection_age_grace_ms', integer(grpc)],
  ['grpc_management_max_connection_age_ms', integer(grpc)],
  ['grpc_management_max_connection_age_grace_ms', integer(grpc)],
  ['enable_grpc_ssl', boolean(grpc)],
  ['workflow_store', text('workflows are not served')],
  ['number_of_netty_threads', integer(netty)],
  ['netty_client_threads', integer(netty)],
  ['prefer_direct_buffer', boolean(netty)],
  ['use_native_io', boolean(netty)],
  ['io_ratio', integer(netty)],
  ['blacklist_env_vars', text('Python workers get every environment variable')],
  ['model_server_home', text(workers)],
  ['initial_worker_port', integer(workers)],
  ['initial_distribution_port', integer(workers)],
  ['ipex_enable', boolean(workers)],
  ['ipex_gpu_enable', boolean(workers)],
  ['cpu_launcher_enable', boolean(`${workers}; intra_op_threads divides the cores`)],
  ['cpu_launcher_args', text(workers)],
  ['cpp_log_config', text('models run in this process, without C++ workers')],
  ['async_logging', boolean('the log never holds up a request')],
  ['system_metrics_cmd', text('the server measures the machine itself')],
  ['debug', boolean('log_level=debug tells more')],
  ['ts_header_key_sequence_id', text(sequences)],
  ['ts_header_key_sequence_start', text(sequences)],
  ['ts_header_key_sequence_end', text(sequences)],
  ['vmargs', text(java)],
  ['plugins_path', text(`plugins are Java's, and ${java}`)],
  ['tsConfigFile', text(snapshot)],
  ['version', text(snapshot)],
]);

/** One sentence on a key that has no effect; `undefined` when it is a setting's. */
export function noteOnKey(key: string, value: string): string | undefined {
  if (allSettings.some((setting) => setting.key === key)) return undefined;
  const meaningless = meaninglessKeys.get(key);
  if (meaningless === undefined) return `${key} is not known and has no effect${suggestion(key)}`;
  const wrong = isOfKind(meaningless.kind, value.trim())
    ? ''
    : `, and ${JSON.stringify(value)} is not ${meaningless.kind === 'integer' ? 'an integer' : 'true or false'}`;
  return `${key} has no effect: ${meaningless.why}${wrong}`;
}

function isOfKind(kind: MeaninglessKey['kind'], value: string): boolean {
  if (kind === 'integer') return /^[+-]?\d+$/.test(value);
  return kind === 'text' || /^(true|false)$/i.test(value);
}

function suggestion(key: string): string {
  const known = [...allSettings.map((setting) => setting.key), ...meaninglessKeys.keys()];
  const nearest = closest(key, known);
  // A third of a key that is mistyped is too much for a slip.
  return distance(key, nearest) <= Math.max(2, key.length / 3) ? `; did you mean ${nearest}?` : '';
}
